// Pooling of boxes and sampling of points from a feature map.
#pragma once

#include <ATen/ATen.h>

namespace samovar::model::sam3 {

/// ROI-align (arXiv 1703.06870) in its first form: no half-pixel shift, sides of at least one cell,
/// ceil(size/bins) samples per bin and axis. Bilinear sampling is separable, so each box is two
/// small matrices: `boxes` [n, 4] as (cx, cy, w, h) in 0..1 on the CPU -> rows [n, bins, height]
/// and columns [n, bins, width].
struct roi_weights {
  at::Tensor rows, columns;
};
roi_weights weigh_rois(const at::Tensor& boxes, std::int64_t height, std::int64_t width,
                       std::int64_t bins);

/// map [height, width, c] -> [n, c, bins, bins].
at::Tensor pool_rois(const at::Tensor& map, const roi_weights& weights);

/// Bilinear values of map [height, width, c] at points [n, 2] (x, y in 0..1): [n, c]; zero outside.
at::Tensor sample_points(const at::Tensor& map, const at::Tensor& points);

}  // namespace samovar::model::sam3
