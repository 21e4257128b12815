#include "model/sam3/fusion_encoder.hpp"

namespace samovar::model::sam3 {

at::Tensor fusion_encoder::operator()(const at::Tensor& features, const at::Tensor& positions,
                                      const prompt_tokens& prompt, const trace& t) const {
  at::Tensor x = features.to(at::kFloat);
  const at::Tensor words = prompt.tokens.to(prompt.bias.scalar_type());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& l = layers[i];
    const at::Tensor y = l.norm1(x);
    const at::Tensor placed = y + positions;
    x = x + l.self_attn(placed, placed, y);
    // Up to here several prompts on one image share the first layer.
    x = x.expand({prompt.tokens.size(0), -1, -1});
    x = x + l.cross_attn_image(l.norm2(x), words, words, prompt.bias);
    x = x + l.feed_forward(x);
    if (t) t("encoder.layer" + std::to_string(i), x);
  }
  if (t) t("encoder.memory", x.transpose(0, 1));
  return x;
}

fusion_encoder load_fusion_encoder(const weight_source& from) {
  fusion_encoder e;
  for (std::int64_t i = 0; i < from.sizes().encoder_depth; ++i)
    e.layers.push_back(
        load_fusion_layer(from, "detector.transformer.encoder.layers." + std::to_string(i)));
  return e;
}

}  // namespace samovar::model::sam3
