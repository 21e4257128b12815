// The text encoder: a causal pre-norm transformer over token ids (CLIP, arXiv 2103.00020).
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "model/sam3/layers.hpp"
#include "model/sam3/trace.hpp"

namespace samovar::model::sam3 {

struct text_block {
  layer_norm ln_1, ln_2;
  multi_head attn;
  linear c_fc, c_proj;
};

struct text_features {
  at::Tensor features;  ///< [n, context, d] float32
  at::Tensor padding;   ///< [n, context] bool, true where the id is 0
};

struct text_encoder {
  at::Tensor token_embedding;       ///< [vocabulary, width]
  at::Tensor positional_embedding;  ///< [context, width]
  at::Tensor causal;                ///< [1, 1, context, context], in the type of the weights
  std::vector<text_block> blocks;
  layer_norm ln_final;
  linear resizer;

  /// ids [n, context] int64 on the model's device.
  text_features operator()(const at::Tensor& ids, const trace& t) const;
};
text_encoder load_text_encoder(const weight_source& from);

}  // namespace samovar::model::sam3
