// Exemplar boxes and points -> a few prompt tokens.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "model/sam3/layers.hpp"
#include "model/sam3/trace.hpp"

namespace samovar::model::sam3 {

/// One prompt per batch entry, on the CPU, normalised to the image's sides. Undefined: none. Labels
/// are 1 (positive) or 0; padding is true where an entry carries nothing.
struct geometry_prompt {
  at::Tensor boxes;         ///< [batch, n, 4] (cx, cy, w, h) float32
  at::Tensor box_labels;    ///< [batch, n] int64
  at::Tensor box_padding;   ///< [batch, n] bool; undefined: no padding
  at::Tensor points;        ///< [batch, n, 2] (x, y) float32
  at::Tensor point_labels;  ///< [batch, n] int64
  at::Tensor point_padding;
  std::int64_t batch = 1;
};

struct prompt_tokens {
  at::Tensor tokens;   ///< [batch, n, d] float32
  at::Tensor padding;  ///< [batch, n] bool, true for padding
  at::Tensor bias;     ///< padding_bias in the type of the weights; undefined: no padding
};

/// A pre-norm layer: self-attention, cross-attention to the image, feed-forward.
struct fusion_layer {
  layer_norm norm1, norm2, norm3;
  multi_head self_attn, cross_attn_image;
  linear linear1, linear2;
  at::Tensor feed_forward(const at::Tensor& x) const { return linear2(linear1(norm3(x)).relu_()); }
};
fusion_layer load_fusion_layer(const weight_source& from, const std::string& name);

struct geometry_encoder {
  options sizes;
  at::Tensor label_embed, cls_embed, divisors;
  linear boxes_direct, boxes_pool, boxes_positions;
  linear points_direct, points_pool, points_positions;
  linear final_proj;
  layer_norm norm, img_pre_norm, encode_norm;
  std::vector<fusion_layer> layers;

  /// features [1 or batch, grid, grid, d], positions [grid*grid, d].
  prompt_tokens operator()(const geometry_prompt& prompt, const at::Tensor& features,
                           const at::Tensor& positions, const trace& t) const;

 private:
  at::Tensor embed_boxes(const geometry_prompt& p, const at::Tensor& map, const trace& t) const;
  at::Tensor embed_points(const geometry_prompt& p, const at::Tensor& map, const trace& t) const;
};
geometry_encoder load_geometry_encoder(const weight_source& from);

}  // namespace samovar::model::sam3
