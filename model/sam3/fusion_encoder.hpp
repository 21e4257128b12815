// Mixes the prompt into the image's tokens (the encoder of DETR, arXiv 2005.12872).
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "model/sam3/geometry_encoder.hpp"

namespace samovar::model::sam3 {

struct fusion_encoder {
  std::vector<fusion_layer> layers;
  /// features [1 or batch, tokens, d], positions [tokens, d] -> memory [batch, tokens, d] float32.
  at::Tensor operator()(const at::Tensor& features, const at::Tensor& positions,
                        const prompt_tokens& prompt, const trace& t) const;
};
fusion_encoder load_fusion_encoder(const weight_source& from);

}  // namespace samovar::model::sam3
