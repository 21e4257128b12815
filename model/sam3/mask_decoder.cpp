#include "model/sam3/mask_decoder.hpp"

namespace samovar::model::sam3 {

interactive_features mask_decoder::prepare(const std::array<at::Tensor, 3>& levels) const {
  return {levels[2] + no_mem_embed, conv_s1(levels[1]), conv_s0(levels[0])};
}

at::Tensor mask_decoder::upscale(const interactive_features& image, const at::Tensor& keys) const {
  const auto g = sizes.grid();
  const at::Tensor grid = keys.view({keys.size(0), g, g, -1});
  const at::Tensor middle = gelu_in_place(up_norm(up0(grid) + image.middle));
  return gelu_in_place(up3(middle) + image.fine).flatten(1, 2);
}

mask_candidates mask_decoder::operator()(const interactive_features& image,
                                         const at::Tensor& sparse, const at::Tensor& dense,
                                         const at::Tensor& places, const trace& t) const {
  const auto b = sparse.size(0), side = sizes.low_resolution();
  const at::Tensor places_kept = places.to(image.embedding.scalar_type());
  const at::Tensor tokens =
      at::cat({first_tokens.unsqueeze(0).expand({b, -1, -1}), sparse}, 1).to(at::kFloat);
  at::Tensor q = tokens;
  // Without a mask to start from, all prompts share the image's tokens until they look at theirs.
  at::Tensor k = image.embedding.flatten(1, 2) + dense.to(image.embedding.scalar_type());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& l = layers[i];
    if (i == 0)
      q = l.norm1(l.self_attn(q, q, q).to(at::kFloat));
    else {
      const at::Tensor placed_q = q + tokens;
      q = l.norm1(q + l.self_attn(placed_q, placed_q, q));
    }
    const at::Tensor placed = k + places_kept;
    q = l.norm2(q + l.token_to_image(q + tokens, placed, k));
    q = l.norm3(q + l.lin2(l.lin1(q).relu_()));
    k = l.norm4(k + l.image_to_token(placed, q + tokens, q));
  }
  q = norm_final(q + final_attn(q + tokens, k + places_kept, k));
  if (t) {
    t("tokens_out", q);
    t("image_out_mean", k.to(at::kFloat).mean(1));
    t("object_score", object_head(q.select(1, 0)));
  }
  const at::Tensor pixels = upscale(image, k);
  const at::Tensor hyper = hypernetworks(q.narrow(1, 2, sizes.mask_tokens).transpose(0, 1));
  const at::Tensor masks = at::bmm(hyper.transpose(0, 1), pixels.transpose(1, 2));
  mask_candidates out{masks.to(at::kFloat).view({b, -1, side, side}),
                      iou_head(q.select(1, 1)).sigmoid()};
  if (t) {
    t("all_masks", out.masks);
    t("all_ious", out.ious);
  }
  return out;
}

mask_choice mask_decoder::choose_several(const mask_candidates& c) const {
  const auto n = c.masks.size(1) - 1;
  return {c.masks.narrow(1, 1, n), c.ious.narrow(1, 1, n)};
}

mask_choice mask_decoder::choose_one(const mask_candidates& c, const trace& t) const {
  const at::Tensor first = c.masks.narrow(1, 0, 1);
  const auto area = [&](double over) {
    return (first > over).flatten(2).sum(-1).to(at::kFloat);  // [batch, 1]
  };
  const at::Tensor outer = area(-sizes.stability_delta);
  const at::Tensor stability =
      at::where(outer > 0, area(sizes.stability_delta) / outer.clamp_min(1), at::ones_like(outer));
  if (t) t("stability", stability);
  const mask_choice others = choose_several(c);
  const at::Tensor best = others.ious.argmax(1, /*keepdim=*/true);
  const at::Tensor choice = at::where(stability >= sizes.stability_threshold, at::zeros_like(best),
                                      best + 1);  // [batch, 1]
  const auto side = c.masks.size(-1);
  return {c.masks.gather(1, choice.view({-1, 1, 1, 1}).expand({-1, 1, side, side})),
          c.ious.gather(1, choice)};
}

mask_decoder load_mask_decoder(const weight_source& from) {
  const std::string base = "tracker.sam_mask_decoder.";
  const std::string transformer = base + "transformer.";
  const auto heads = from.sizes().sam_heads;
  mask_decoder d;
  d.sizes = from.sizes();
  d.no_mem_embed = from.compute("tracker.no_mem_embed");
  d.first_tokens =
      at::cat({from.exact(base + "obj_score_token.weight"), from.exact(base + "iou_token.weight"),
               from.exact(base + "mask_tokens.weight")},
              0);
  d.conv_s0 = load_convolution1(from, base + "conv_s0");
  d.conv_s1 = load_convolution1(from, base + "conv_s1");
  for (std::int64_t i = 0; i < d.sizes.sam_depth; ++i) {
    const std::string name = transformer + "layers." + std::to_string(i);
    two_way_layer l;
    l.self_attn = load_split_attention(from, name + ".self_attn", heads);
    l.token_to_image = load_split_attention(from, name + ".cross_attn_token_to_image", heads);
    l.image_to_token = load_split_attention(from, name + ".cross_attn_image_to_token", heads);
    l.norm1 = load_norm(from, name + ".norm1");
    l.norm2 = load_norm(from, name + ".norm2");
    l.norm3 = load_norm(from, name + ".norm3");
    l.norm4 = load_norm(from, name + ".norm4");
    l.lin1 = load_linear(from, name + ".mlp.lin1");
    l.lin2 = load_linear(from, name + ".mlp.lin2");
    d.layers.push_back(std::move(l));
  }
  d.final_attn = load_split_attention(from, transformer + "final_attn_token_to_image", heads);
  d.norm_final = load_norm(from, transformer + "norm_final_attn");
  d.up0 = load_upscaling2(from, base + "output_upscaling.0");
  d.up3 = load_upscaling2(from, base + "output_upscaling.3");
  d.up_norm = load_norm(from, base + "output_upscaling.1", 1e-6);
  std::vector<mlp> hypernetworks;
  for (std::int64_t i = 0; i < d.sizes.mask_tokens; ++i)
    hypernetworks.push_back(
        load_mlp(from, base + "output_hypernetworks_mlps." + std::to_string(i), 3));
  d.hypernetworks = join_mlps(hypernetworks);
  d.iou_head = load_mlp(from, base + "iou_prediction_head", 3, precision::exact);
  d.object_head = load_mlp(from, base + "pred_obj_score_head", 3, precision::exact);
  return d;
}

}  // namespace samovar::model::sam3
