#include "model/sam3/geometry_encoder.hpp"

#include <numbers>

#include "model/sam3/positions.hpp"
#include "model/sam3/roi.hpp"

namespace samovar::model::sam3 {
namespace {

constexpr double turn = 2 * std::numbers::pi;

/// Per-image pooling of [batch, n, ...] entries from a map of batch 1 or `batch`.
template <class Pool>
at::Tensor per_map(const at::Tensor& map, const at::Tensor& entries, const Pool& pool) {
  if (map.size(0) == 1) return pool(map[0], entries.flatten(0, 1));
  std::vector<at::Tensor> parts;
  for (std::int64_t b = 0; b < entries.size(0); ++b) parts.push_back(pool(map[b], entries[b]));
  return at::cat(parts, 0);
}

at::Tensor no_padding(const at::Tensor& labels) { return at::zeros(labels.sizes(), at::kBool); }

/// Where the valid entries of [batch, n] are, then the others: [batch, n] indices on the CPU.
at::Tensor valid_first(const at::Tensor& padding) {
  return padding.to(at::kInt).argsort(/*stable=*/true, 1, /*descending=*/false);
}

}  // namespace

fusion_layer load_fusion_layer(const weight_source& from, const std::string& name) {
  const auto heads = from.sizes().heads;
  return {load_norm(from, name + ".norm1"),
          load_norm(from, name + ".norm2"),
          load_norm(from, name + ".norm3"),
          load_packed_attention(from, name + ".self_attn", heads),
          load_packed_attention(from, name + ".cross_attn_image", heads),
          load_linear(from, name + ".linear1"),
          load_linear(from, name + ".linear2")};
}

at::Tensor geometry_encoder::embed_boxes(const geometry_prompt& p, const at::Tensor& map,
                                         const trace& t) const {
  const auto device = label_embed.device();
  const auto batch = p.boxes.size(0), n = p.boxes.size(1);
  const at::Tensor boxes = upload(p.boxes, device);
  const at::Tensor direct = boxes_direct(boxes);
  const at::Tensor pooled = per_map(map, p.boxes, [&](const at::Tensor& m, const at::Tensor& b) {
    return pool_rois(m, weigh_rois(b, m.size(0), m.size(1), sizes.roi));
  });
  const at::Tensor shape = boxes_pool(pooled.flatten(1));
  const auto part = [&](std::int64_t i) { return boxes.select(-1, i); };
  const at::Tensor place =
      at::cat({sines(part(1) * turn, divisors), sines(part(0) * turn, divisors),
               boxes.narrow(-1, 3, 1), boxes.narrow(-1, 2, 1)},
              -1);
  const at::Tensor position = boxes_positions(place);
  if (t) {
    t("boxes_direct_project", direct.transpose(0, 1));
    t("boxes_roi", pooled);
    t("boxes_pool_project", shape.view({batch * n, -1, 1, 1}));
    t("boxes_pos_enc", place.transpose(0, 1));
    t("boxes_pos_enc_project", position.transpose(0, 1));
  }
  return direct + shape.view({batch, n, -1}) + position +
         at::embedding(label_embed, upload(p.box_labels, device));
}

at::Tensor geometry_encoder::embed_points(const geometry_prompt& p, const at::Tensor& map,
                                          const trace& t) const {
  const auto device = label_embed.device();
  const auto batch = p.points.size(0), n = p.points.size(1);
  const at::Tensor points = upload(p.points, device);
  const at::Tensor direct = points_direct(points);
  const at::Tensor sampled = per_map(map, points, sample_points).view({batch, n, -1});
  const at::Tensor pooled = points_pool(sampled);
  const at::Tensor place = at::cat(
      {sines(points.select(-1, 0) * turn, divisors), sines(points.select(-1, 1) * turn, divisors)},
      -1);
  const at::Tensor position = points_positions(place);
  if (t) {
    t("points_direct_project", direct.transpose(0, 1));
    t("points_sampled", sampled.transpose(0, 1));
    t("points_pool_project", pooled.transpose(0, 1));
    t("points_pos_enc", place.transpose(0, 1));
    t("points_pos_enc_project", position.transpose(0, 1));
  }
  return direct + pooled + position + at::embedding(label_embed, upload(p.point_labels, device));
}

prompt_tokens geometry_encoder::operator()(const geometry_prompt& prompt,
                                           const at::Tensor& features, const at::Tensor& positions,
                                           const trace& t) const {
  const auto device = label_embed.device();
  const at::Tensor raw = features.to(at::kFloat);
  std::vector<at::Tensor> parts, padding;
  const bool points = prompt.points.defined() && prompt.points.size(1) > 0;
  const bool boxes = prompt.boxes.defined() && prompt.boxes.size(1) > 0;
  if (points || boxes || t) {
    const at::Tensor map = img_pre_norm(raw);
    if (t) t("img_pre_norm", map.expand({prompt.batch, -1, -1, -1}).flatten(1, 2).transpose(0, 1));
    if (points) {
      parts.push_back(embed_points(prompt, map, t));
      padding.push_back(prompt.point_padding.defined() ? prompt.point_padding
                                                       : no_padding(prompt.point_labels));
    }
    if (boxes) {
      parts.push_back(embed_boxes(prompt, map, t));
      padding.push_back(prompt.box_padding.defined() ? prompt.box_padding
                                                     : no_padding(prompt.box_labels));
    }
  }
  parts.push_back(cls_embed.unsqueeze(0).expand({prompt.batch, 1, -1}).to(at::kFloat));
  padding.push_back(at::zeros({prompt.batch, 1}, at::kBool));
  at::Tensor x = at::cat(parts, 1).to(at::kFloat);
  at::Tensor padded = at::cat(padding, 1);
  const bool some_padding = padded.any().item<bool>();  // on the CPU: no wait for the device
  if (some_padding) {
    const at::Tensor order = valid_first(padded);
    padded = padded.gather(1, order);
    x = x.gather(1, upload(order, device).unsqueeze(-1).expand({-1, -1, x.size(2)}));
  }
  prompt_tokens out{{}, upload(padded, device), {}};
  if (some_padding) out.bias = padding_bias(out.padding, final_proj.weight.scalar_type());
  if (t) t("sequence_in", x.transpose(0, 1));
  x = norm(final_proj(x).to(at::kFloat));
  if (t) t("projected", x.transpose(0, 1));
  const auto type = final_proj.weight.scalar_type();
  const at::Tensor keys = (raw.flatten(1, 2) + positions).to(type);
  const at::Tensor values = raw.flatten(1, 2).to(type);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto& l = layers[i];
    const at::Tensor y = l.norm1(x);
    x = x + l.self_attn(y, y, y, out.bias);
    x = x + l.cross_attn_image(l.norm2(x), keys, values);
    x = x + l.feed_forward(x);
    if (t) t("layer" + std::to_string(i), x.transpose(0, 1));
  }
  out.tokens = encode_norm(x);
  if (t) {
    t("out.embeddings", out.tokens.transpose(0, 1));
    t("out.padding_mask", out.padding);
  }
  return out;
}

geometry_encoder load_geometry_encoder(const weight_source& from) {
  const std::string base = "detector.geometry_encoder.";
  const auto get = [&](const std::string& name) { return load_linear(from, base + name); };
  geometry_encoder g;
  g.sizes = from.sizes();
  g.label_embed = from.exact(base + "label_embed.weight");
  g.divisors = sine_divisors(g.sizes.width / 2).to(from.device(), at::kFloat);
  g.cls_embed = from.exact(base + "cls_embed.weight");
  // Four numbers or two in: exact costs nothing.
  g.boxes_direct = load_linear(from, base + "boxes_direct_project", precision::exact);
  g.boxes_pool = get("boxes_pool_project");
  g.boxes_pool.weight = g.boxes_pool.weight.flatten(1);
  g.boxes_positions = get("boxes_pos_enc_project");
  if (g.sizes.geometry_points) {
    g.points_direct = load_linear(from, base + "points_direct_project", precision::exact);
    g.points_pool = get("points_pool_project");
    g.points_positions = get("points_pos_enc_project");
  }
  g.final_proj = get("final_proj");
  g.norm = load_norm(from, base + "norm");
  g.img_pre_norm = load_norm(from, base + "img_pre_norm");
  g.encode_norm = load_norm(from, base + "encode_norm");
  for (std::int64_t i = 0; i < g.sizes.geometry_depth; ++i)
    g.layers.push_back(load_fusion_layer(from, base + "encode." + std::to_string(i)));
  return g;
}

}  // namespace samovar::model::sam3
