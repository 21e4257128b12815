#include "model/sam3/roi.hpp"

#include <algorithm>
#include <cmath>

#include "model/sam3/layers.hpp"

namespace samovar::model::sam3 {
namespace {

/// Weights of one axis of one box: `out` holds bins x cells zeros.
void weigh_axis(float start, float end, std::int64_t cells, std::int64_t bins, float* out) {
  const float size = std::max(end - start, 1.0F);
  const float bin = size / static_cast<float>(bins);
  // A box may lie far outside: the number of samples follows its size, which has a cap.
  constexpr float samples_max = 4096.0F;
  const auto samples =
      static_cast<std::int64_t>(std::min(std::ceil(size / static_cast<float>(bins)), samples_max));
  for (std::int64_t b = 0; b < bins; ++b) {
    for (std::int64_t s = 0; s < samples; ++s) {
      float at = start + static_cast<float>(b) * bin +
                 (static_cast<float>(s) + 0.5F) * bin / static_cast<float>(samples);
      if (at < -1.0F || at > static_cast<float>(cells)) continue;
      at = std::max(at, 0.0F);
      auto low = static_cast<std::int64_t>(at);
      float part = at - static_cast<float>(low);
      if (low >= cells - 1) {
        low = cells - 1;
        part = 0.0F;
      }
      out[b * cells + low] += (1.0F - part) / static_cast<float>(samples);
      if (part > 0.0F) out[b * cells + low + 1] += part / static_cast<float>(samples);
    }
  }
}

}  // namespace

roi_weights weigh_rois(const at::Tensor& boxes, std::int64_t height, std::int64_t width,
                       std::int64_t bins) {
  const at::Tensor list = boxes.to(at::kCPU, at::kFloat).contiguous();
  const auto n = list.size(0);
  roi_weights out{at::zeros({n, bins, height}, at::kFloat),
                  at::zeros({n, bins, width}, at::kFloat)};
  const auto* box = list.data_ptr<float>();
  const auto w = static_cast<float>(width), h = static_cast<float>(height);
  for (std::int64_t i = 0; i < n; ++i, box += 4) {
    const float x0 = (box[0] - 0.5F * box[2]) * w, x1 = (box[0] + 0.5F * box[2]) * w;
    const float y0 = (box[1] - 0.5F * box[3]) * h, y1 = (box[1] + 0.5F * box[3]) * h;
    weigh_axis(y0, y1, height, bins, out.rows.data_ptr<float>() + i * bins * height);
    weigh_axis(x0, x1, width, bins, out.columns.data_ptr<float>() + i * bins * width);
  }
  return out;
}

at::Tensor pool_rois(const at::Tensor& map, const roi_weights& weights) {
  const auto height = map.size(0), width = map.size(1), channels = map.size(2);
  const auto n = weights.rows.size(0), bins = weights.rows.size(1);
  const at::Tensor rows = at::matmul(upload(weights.rows, map.device()).view({n * bins, height}),
                                     map.reshape({height, width * channels}))
                              .view({n, bins, width, channels});
  // [n, 1, bins, width] x [n, bins, width, c] -> [n, bins(row), bins(column), c]
  return at::matmul(upload(weights.columns, map.device()).unsqueeze(1), rows).permute({0, 3, 1, 2});
}

at::Tensor sample_points(const at::Tensor& map, const at::Tensor& points) {
  const at::Tensor grid = (points * 2 - 1).view({1, -1, 1, 2});
  return at::grid_sampler_2d(map.permute({2, 0, 1}).unsqueeze(0).contiguous(), grid,
                             /*interpolation_mode=*/0, /*padding_mode=*/0, /*align_corners=*/false)
      .squeeze(-1)
      .squeeze(0)
      .transpose(0, 1);
}

}  // namespace samovar::model::sam3
