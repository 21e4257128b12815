// Queries -> boxes and presence: a post-norm decoder whose attention to the image is biased by the
// boxes (Plain DETR, arXiv 2308.01904) and which refines them layer by layer.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "model/sam3/geometry_encoder.hpp"

namespace samovar::model::sam3 {

struct decoder_layer {
  multi_head self_attn, ca_text, cross_attn;
  layer_norm norm1, norm2, norm3, catext_norm;
  linear linear1, linear2;  ///< float32: the reference keeps this product out of autocast
};

struct decoded {
  std::vector<at::Tensor> queries;  ///< normalised, [batch, queries, d] float32; the last layer's,
                                    ///< or every layer's when traced
  at::Tensor boxes;                 ///< [batch, queries, 4] (cx, cy, w, h) float32
  at::Tensor presence;              ///< logits [batch, 1] float32
};

struct decoder {
  options sizes;
  at::Tensor query_embed, presence_token, reference_boxes;
  /// The sines of a box: sin(v * frequency + phase) of its numbers in this order.
  at::Tensor sine_frequencies, sine_phases, sine_order;
  std::vector<decoder_layer> layers;
  layer_norm norm, presence_norm;
  mlp box_head, presence_head, position_head;
  mlp_bank bias_axes;     ///< x, y
  at::Tensor bias_cells;  ///< [grid, 1]: the cells' places in 0..1, times 8

  /// memory [batch, grid*grid, d], positions [grid*grid, d].
  decoded operator()(const at::Tensor& memory, const at::Tensor& positions,
                     const prompt_tokens& prompt, const trace& t) const;
  /// Sines of boxes [..., 4]: [..., 2*d].
  at::Tensor box_sines(const at::Tensor& boxes) const;

 private:
  at::Tensor box_bias(const at::Tensor& boxes, const trace& t, const std::string& layer) const;
};
decoder load_decoder(const weight_source& from);

/// log(v / (1 - v)) of values in 0..1, both kept at `eps` or more.
at::Tensor inverse_sigmoid(const at::Tensor& v, double eps);

}  // namespace samovar::model::sam3
