#include "model/sam3/text_encoder.hpp"

namespace samovar::model::sam3 {

text_features text_encoder::operator()(const at::Tensor& ids, const trace& t) const {
  at::Tensor x = at::embedding(token_embedding, ids).to(at::kFloat);
  if (t) t("input_embeds", x.transpose(0, 1));
  x = x + positional_embedding;
  if (t) t("embedded", x);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto& b = blocks[i];
    const at::Tensor y = b.ln_1(x);
    x = x + b.attn(y, y, y, causal);
    x = x + b.c_proj(gelu_of(b.c_fc, b.ln_2(x)));
    if (t) t("layer" + std::to_string(i), x);
  }
  x = ln_final(x);
  if (t) t("ln_final", x);
  text_features out{resizer(x).to(at::kFloat), ids == 0};
  if (t) {
    t("features", out.features.transpose(0, 1));
    t("padding_mask", out.padding);
  }
  return out;
}

text_encoder load_text_encoder(const weight_source& from) {
  const auto& o = from.sizes();
  const std::string language = "detector.backbone.language_backbone.";
  const std::string encoder = language + "encoder.";
  text_encoder e;
  e.token_embedding = from.compute(encoder + "token_embedding.weight");
  e.positional_embedding = from.exact(encoder + "positional_embedding");
  const at::Tensor later = at::ones({o.context, o.context}, at::kBool).triu(1);
  e.causal = padding_bias(later.unsqueeze(0), from.compute_type())
                 .view({1, 1, o.context, o.context})
                 .to(from.device());
  for (std::int64_t i = 0; i < o.text_depth; ++i) {
    const std::string name = encoder + "transformer.resblocks." + std::to_string(i);
    e.blocks.push_back({load_norm(from, name + ".ln_1"), load_norm(from, name + ".ln_2"),
                        load_packed_attention(from, name + ".attn", o.text_heads),
                        load_linear(from, name + ".mlp.c_fc"),
                        load_linear(from, name + ".mlp.c_proj")});
  }
  e.ln_final = load_norm(from, encoder + "ln_final");
  e.resizer = load_linear(from, language + "resizer");
  return e;
}

}  // namespace samovar::model::sam3
