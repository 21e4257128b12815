#include "model/sam3/prompt_encoder.hpp"

#include <numbers>

namespace samovar::model::sam3 {

/// unit [..., 2] in 0..1 (x, y) -> [..., d].
at::Tensor prompt_encoder::places(const at::Tensor& unit) const {
  // Sums of two products, written out: a matrix product might be allowed less precision.
  const at::Tensor u = unit * 2 - 1;
  const at::Tensor angles = (u.narrow(-1, 0, 1) * gaussian[0] + u.narrow(-1, 1, 1) * gaussian[1]) *
                            (2 * std::numbers::pi);
  return at::cat({angles.sin(), angles.cos()}, -1);
}

at::Tensor prompt_encoder::sparse(const at::Tensor& points, const at::Tensor& point_labels) const {
  const at::Tensor placed = places((points + 0.5) / static_cast<double>(sizes.image_size));
  const at::Tensor is_point = (point_labels >= 0).to(at::kFloat).unsqueeze(-1);
  return placed * is_point + at::embedding(labels, point_labels + 1);
}

at::Tensor prompt_encoder::dense(const at::Tensor& mask) const {
  if (!mask.defined()) return no_mask.expand({1, sizes.grid() * sizes.grid(), -1});
  const auto norm_pixels = [](const layer_norm& n, const at::Tensor& x) {
    return gelu_in_place(n(x.permute({0, 2, 3, 1}))).permute({0, 3, 1, 2});
  };
  at::Tensor x = norm_pixels(norm1, at::conv2d(mask.to(at::kFloat), conv0, conv0_bias, 2));
  x = norm_pixels(norm4, at::conv2d(x, conv3, conv3_bias, 2));
  return conv6(x.permute({0, 2, 3, 1}).flatten(1, 2));
}

prompt_encoder load_prompt_encoder(const weight_source& from) {
  const std::string base = "tracker.sam_prompt_encoder.";
  prompt_encoder p;
  p.sizes = from.sizes();
  p.gaussian = from.exact(base + "pe_layer.positional_encoding_gaussian_matrix");
  std::vector<at::Tensor> rows{from.exact(base + "not_a_point_embed.weight")};
  for (int i = 0; i < 4; ++i)
    rows.push_back(from.exact(base + "point_embeddings." + std::to_string(i) + ".weight"));
  p.labels = at::cat(rows, 0);
  p.no_mask = from.exact(base + "no_mask_embed.weight").unsqueeze(0);
  const std::string down = base + "mask_downscaling.";
  p.conv0 = from.exact(down + "0.weight");
  p.conv0_bias = from.exact(down + "0.bias");
  p.conv3 = from.exact(down + "3.weight");
  p.conv3_bias = from.exact(down + "3.bias");
  p.norm1 = load_norm(from, down + "1", 1e-6);
  p.norm4 = load_norm(from, down + "4", 1e-6);
  p.conv6 = load_convolution1(from, down + "6", precision::exact);
  const auto g = p.sizes.grid();
  const at::Tensor line = (at::arange(g, p.gaussian.options()) + 0.5) / static_cast<double>(g);
  const at::Tensor x = line.unsqueeze(0).expand({g, g}), y = line.unsqueeze(1).expand({g, g});
  p.dense_places = p.places(at::stack({x, y}, -1)).flatten(0, 1);
  return p;
}

}  // namespace samovar::model::sam3
