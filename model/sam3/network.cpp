#include "model/sam3/network.hpp"

#include <c10/core/GradMode.h>

#include "model/sam3/positions.hpp"

namespace samovar::model::sam3 {
namespace {

at::Tensor planes(const at::Tensor& x) { return x.permute({0, 3, 1, 2}); }

}  // namespace

detector_features network::detector_levels(const at::Tensor& trunk, const trace& t) const {
  detector_features levels = detector_neck(trunk);
  if (t) {
    for (std::size_t i = 0; i < levels.size(); ++i) {
      const auto h = levels[i].size(1), w = levels[i].size(2);
      t("sam3_fpn" + std::to_string(i), planes(levels[i]));
      t("sam3_pos" + std::to_string(i),
        planes(
            sine_map(h, w, sizes.width).view({1, h, w, -1}).expand({trunk.size(0), -1, -1, -1})));
    }
  }
  return levels;
}

interactive_features network::interactive_levels(const at::Tensor& trunk, const trace& t) const {
  const auto levels = interactive_neck(trunk);
  const interactive_features out = click_masks.prepare(levels);
  if (t) {
    t("sam2_fpn2", planes(levels[2]));
    t("sam2_out0", planes(out.fine));
    t("sam2_out1", planes(out.middle));
    t("sam2_out2", planes(levels[2]));
  }
  return out;
}

grounding network::ground(const detector_features& image, const text_features& text_prompt,
                          const geometry_prompt& geometry_prompt, const trace& t) const {
  grounding out;
  const prompt_tokens shapes =
      geometry(geometry_prompt, image[2], positions, t ? t.under("geometry.") : t);
  out.prompt = {at::cat({text_prompt.features, shapes.tokens}, 1),
                at::cat({text_prompt.padding, shapes.padding}, 1),
                {}};
  out.prompt.bias = padding_bias(out.prompt.padding, compute);
  if (t) {
    t("prompt", out.prompt.tokens.transpose(0, 1));
    t("prompt_padding_mask", out.prompt.padding);
  }
  out.memory = fusion(image[2].flatten(1, 2), positions, out.prompt, t);
  const decoded d = decode(out.memory, positions, out.prompt, t);
  const at::Tensor pooled = score.pool(out.prompt, t);
  out.queries = d.queries.back();
  out.logits = score(out.queries, pooled);
  out.presence = d.presence;
  out.boxes = d.boxes;
  if (t) {
    std::vector<at::Tensor> every;
    for (const auto& q : d.queries) every.push_back(score(q, pooled).unsqueeze(-1));
    t("scoring.logits_all_layers", at::stack(every));
    t("pred_logits", out.logits.unsqueeze(-1));
    t("presence_logit", out.presence);
    t("pred_boxes", out.boxes);
    const at::Tensor centre = out.boxes.narrow(-1, 0, 2), half = out.boxes.narrow(-1, 2, 2) * 0.5;
    t("pred_boxes_xyxy", at::cat({centre - half, centre + half}, -1));
  }
  return out;
}

mask_candidates network::click(const interactive_features& image, const clicks& prompt,
                               std::int64_t height, std::int64_t width, const trace& t) const {
  std::vector<at::Tensor> points, labels;
  if (prompt.boxes.defined()) {
    points.push_back(prompt.boxes.view({-1, 2, 2}));
    labels.push_back(at::tensor({2, 3}, at::kLong).expand({prompt.boxes.size(0), 2}));
  }
  if (prompt.points.defined()) {
    points.push_back(prompt.points);
    labels.push_back(prompt.labels);
  }
  at::Tensor sparse;
  if (points.empty()) {
    const auto batch = prompt.mask.defined() ? prompt.mask.size(0) : 1;
    sparse = at::zeros({batch, 0, sizes.width}, positions.options());
  } else {
    const double side = static_cast<double>(sizes.image_size);
    const at::Tensor scale = at::tensor(
        {side / static_cast<double>(width), side / static_cast<double>(height)}, at::kFloat);
    const auto batch = points.front().size(0);
    points.push_back(at::zeros({batch, 1, 2}, at::kFloat));
    labels.push_back(at::full({batch, 1}, -1, at::kLong));
    sparse = click_prompts.sparse(upload(at::cat(points, 1) * scale, device),
                                  upload(at::cat(labels, 1), device));
  }
  const at::Tensor dense =
      click_prompts.dense(prompt.mask.defined() ? upload(prompt.mask, device) : prompt.mask);
  if (t) {
    const auto g = sizes.grid();
    t("sparse", sparse);
    t("dense",
      dense.expand({sparse.size(0), -1, -1}).transpose(1, 2).view({-1, sizes.width, g, g}));
  }
  return click_masks(image, sparse, dense, click_prompts.dense_places, t);
}

std::shared_ptr<const network> load_network(const checkpoint& from, at::Device device,
                                            at::ScalarType compute, bool padded_windows) {
  c10::NoGradGuard no_gradients;
  // Process-wide, and nobody else computes here: who asks for float32 gets float32.
  if (device.is_cuda() && compute == at::kFloat) at::globalContext().setAllowTF32CuDNN(false);
  const weight_source source(from, device, compute);
  auto n = std::make_shared<network>();
  n->sizes = from.sizes;
  n->device = device;
  n->compute = compute;
  n->vision = load_vision_encoder(source, padded_windows);
  n->detector_neck = load_neck(source, "convs");
  n->interactive_neck = load_neck(source, "sam2_convs");
  const auto g = from.sizes.grid();
  n->positions = sine_map(g, g, from.sizes.width).to(device);
  n->text = load_text_encoder(source);
  n->geometry = load_geometry_encoder(source);
  n->fusion = load_fusion_encoder(source);
  n->decode = load_decoder(source);
  n->score = load_scoring(source);
  n->segment = load_mask_head(source);
  n->click_prompts = load_prompt_encoder(source);
  n->click_masks = load_mask_decoder(source);
  return n;
}

}  // namespace samovar::model::sam3
