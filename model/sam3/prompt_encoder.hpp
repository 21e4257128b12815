// Clicks, boxes and a mask from before -> tokens and a dense map for the interactive predictor
// (the prompt encoder of Segment Anything, arXiv 2304.02643).
#pragma once

#include <ATen/ATen.h>

#include "model/sam3/layers.hpp"

namespace samovar::model::sam3 {

/// Labels of a point: 1 foreground, 0 background, 2 and 3 a box's corners, -1 nothing.
struct prompt_encoder {
  options sizes;
  at::Tensor gaussian;      ///< [2, d/2] float32
  at::Tensor labels;        ///< [5, d]: "nothing", then labels 0..3
  at::Tensor no_mask;       ///< [1, 1, d]
  at::Tensor dense_places;  ///< [grid*grid, d], the position of every cell
  at::Tensor conv0, conv0_bias, conv3, conv3_bias;
  layer_norm norm1, norm4;
  linear conv6;

  /// points [batch, n, 2] in px of the S x S image, labels [batch, n] int64 -> [batch, n, d].
  at::Tensor sparse(const at::Tensor& points, const at::Tensor& point_labels) const;
  /// Mask logits [batch, 1, 4g, 4g], or undefined -> [batch or 1, grid*grid, d].
  at::Tensor dense(const at::Tensor& mask) const;

 private:
  at::Tensor places(const at::Tensor& unit) const;
  friend prompt_encoder load_prompt_encoder(const weight_source& from);
};
prompt_encoder load_prompt_encoder(const weight_source& from);

}  // namespace samovar::model::sam3
