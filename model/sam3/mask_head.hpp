// Masks of the detector's queries: a small pixel decoder and a dot product (MaskFormer,
// arXiv 2107.06278).
#pragma once

#include <ATen/ATen.h>

#include <array>

#include "model/sam3/geometry_encoder.hpp"

namespace samovar::model::sam3 {

struct mask_head {
  options sizes;
  multi_head cross_attend_prompt;
  layer_norm cross_attn_norm;
  std::array<convolution3, 2> conv_layers;
  std::array<layer_norm, 2> norms;  ///< group norms: only weight and bias are used
  mlp mask_embed;
  linear instance, semantic;

  /// Pixel features [batch, 4g, 4g, d] from memory [batch, g*g, d] and the neck's two larger levels
  /// ([1 or batch, 4g, 4g, d] and [.., 2g, 2g, d]).
  at::Tensor pixels(const at::Tensor& memory, const at::Tensor& level0, const at::Tensor& level1,
                    const prompt_tokens& prompt, const trace& t) const;
  /// Mask logits [batch, n, 4g, 4g] float32 of normalised queries [batch, n, d].
  at::Tensor masks(const at::Tensor& pixels, const at::Tensor& queries, const trace& t) const;
  /// One logit per pixel, [batch, 1, 4g, 4g].
  at::Tensor semantic_map(const at::Tensor& pixels) const;
};
mask_head load_mask_head(const weight_source& from);

}  // namespace samovar::model::sam3
