// How well each query fits the prompt.
#pragma once

#include <ATen/ATen.h>

#include "model/sam3/geometry_encoder.hpp"

namespace samovar::model::sam3 {

struct scoring {
  mlp prompt_mlp;
  layer_norm out_norm;
  linear prompt_proj, hs_proj;
  double clamp = 12.0;

  /// The prompt as one vector: [batch, d] float32.
  at::Tensor pool(const prompt_tokens& prompt, const trace& t) const;
  /// queries [batch, n, d] -> logits [batch, n] float32.
  at::Tensor operator()(const at::Tensor& queries, const at::Tensor& pooled) const;
};
scoring load_scoring(const weight_source& from);

}  // namespace samovar::model::sam3
