// The interactive predictor's two-way transformer and its masks (arXiv 2304.02643, 2408.00714).
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <vector>

#include "model/sam3/layers.hpp"
#include "model/sam3/trace.hpp"

namespace samovar::model::sam3 {

/// What clicks and boxes need of an image, channels last, computed once.
struct interactive_features {
  at::Tensor embedding;  ///< [1, g, g, d]
  at::Tensor middle;     ///< [1, 2g, 2g, d/4]
  at::Tensor fine;       ///< [1, 4g, 4g, d/8]
};

struct two_way_layer {
  multi_head self_attn, token_to_image, image_to_token;
  layer_norm norm1, norm2, norm3, norm4;
  linear lin1, lin2;
};

struct mask_candidates {
  at::Tensor masks;  ///< logits [batch, mask tokens, 4g, 4g] float32
  at::Tensor ious;   ///< [batch, mask tokens] in 0..1
};
struct mask_choice {
  at::Tensor masks;  ///< logits [batch, n, 4g, 4g] float32, not clamped
  at::Tensor ious;   ///< [batch, n]
};

struct mask_decoder {
  options sizes;
  at::Tensor no_mem_embed, first_tokens;
  linear conv_s0, conv_s1;
  std::vector<two_way_layer> layers;
  multi_head final_attn;
  layer_norm norm_final;
  upscaling2 up0, up3;
  layer_norm up_norm;
  mlp_bank hypernetworks;
  mlp iou_head, object_head;

  /// Of the interactive neck's three levels.
  interactive_features prepare(const std::array<at::Tensor, 3>& levels) const;
  /// sparse [batch, n, d], dense [1 or batch, g*g, d], places [g*g, d].
  mask_candidates operator()(const interactive_features& image, const at::Tensor& sparse,
                             const at::Tensor& dense, const at::Tensor& places,
                             const trace& t) const;
  /// Three masks for an ambiguous prompt.
  mask_choice choose_several(const mask_candidates& c) const;
  /// One mask: the first, or where that one is not stable the best of the others.
  mask_choice choose_one(const mask_candidates& c, const trace& t) const;

 private:
  at::Tensor upscale(const interactive_features& image, const at::Tensor& keys) const;
};
mask_decoder load_mask_decoder(const weight_source& from);

}  // namespace samovar::model::sam3
