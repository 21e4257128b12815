#include "model/sam3/mask_head.hpp"

namespace samovar::model::sam3 {
namespace {

/// Twice the size by repeating, over [b, h, w, c], added to `level` (whose batch may be 1).
at::Tensor add_doubled(const at::Tensor& level, const at::Tensor& x) {
  const auto h = x.size(1), w = x.size(2), c = x.size(3);
  const at::Tensor cells = level.view({level.size(0), h, 2, w, 2, c});
  return (cells + x.view({x.size(0), h, 1, w, 1, c})).view({x.size(0), 2 * h, 2 * w, c});
}

}  // namespace

at::Tensor mask_head::pixels(const at::Tensor& memory, const at::Tensor& level0,
                             const at::Tensor& level1, const prompt_tokens& prompt,
                             const trace& t) const {
  const auto b = memory.size(0), g = sizes.grid();
  const at::Tensor mixed =
      cross_attend_prompt(cross_attn_norm(memory), prompt.tokens, prompt.tokens, prompt.bias);
  if (t) t("seg.prompt_attention", mixed.transpose(0, 1));
  at::Tensor y = (memory + mixed).to(level0.scalar_type()).view({b, g, g, -1});
  const std::array<const at::Tensor*, 2> levels{&level1, &level0};
  for (std::size_t i = 0; i < 2; ++i) {
    y = conv_layers[i](add_doubled(*levels[i], y)).permute({0, 3, 1, 2});
    y = at::group_norm(y, sizes.group_norm_groups, norms[i].weight, norms[i].bias, 1e-5)
            .relu_()
            .permute({0, 2, 3, 1})
            .contiguous();
  }
  if (t) t("seg.pixel_embed", y.permute({0, 3, 1, 2}));
  return y;
}

at::Tensor mask_head::masks(const at::Tensor& pixels, const at::Tensor& queries,
                            const trace& t) const {
  const at::Tensor embedded = mask_embed(queries);
  if (t) {
    t("seg.mask_embed", embedded);
    t("seg.instance_embed", instance(pixels).permute({0, 3, 1, 2}));
  }
  // <e, W y + b> = <W'e, y> + <e, b>: the 1x1 convolution over all pixels becomes one small
  // product over the queries.
  const at::Tensor folded = at::matmul(embedded, instance.weight);
  const at::Tensor constant = at::matmul(embedded, instance.bias.unsqueeze(-1));
  const at::Tensor dots = at::bmm(folded, pixels.flatten(1, 2).transpose(1, 2));
  return (dots.to(at::kFloat) + constant.to(at::kFloat))
      .view({queries.size(0), queries.size(1), pixels.size(1), pixels.size(2)});
}

at::Tensor mask_head::semantic_map(const at::Tensor& pixels) const {
  return semantic(pixels).to(at::kFloat).permute({0, 3, 1, 2});
}

mask_head load_mask_head(const weight_source& from) {
  const std::string base = "detector.segmentation_head.";
  mask_head h;
  h.sizes = from.sizes();
  h.cross_attend_prompt = load_packed_attention(from, base + "cross_attend_prompt", h.sizes.heads);
  h.cross_attn_norm = load_norm(from, base + "cross_attn_norm");
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string number = std::to_string(i);
    h.conv_layers[i] = load_convolution3(from, base + "pixel_decoder.conv_layers." + number);
    h.norms[i] = load_norm(from, base + "pixel_decoder.norms." + number);
  }
  h.mask_embed = load_mlp(from, base + "mask_predictor.mask_embed", 3);
  h.instance = load_convolution1(from, base + "instance_seg_head");
  h.semantic = load_convolution1(from, base + "semantic_seg_head");
  return h;
}

}  // namespace samovar::model::sam3
