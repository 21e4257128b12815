// The vision trunk: patches, absolute positions, blocks of windowed or global attention with
// two-dimensional rotary positions. ViTDet (arXiv 2203.16527) with rotary embeddings.
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <vector>

#include "model/sam3/layers.hpp"
#include "model/sam3/trace.hpp"

namespace samovar::model::sam3 {

struct vision_block {
  layer_norm norm1, norm2;
  linear qkv, proj, fc1, fc2;
  bool global = false;
};

struct vision_encoder {
  options sizes;
  linear patch;          ///< [width, 3*patch*patch], no bias
  at::Tensor positions;  ///< [grid*grid, width], in the order of the tokens
  layer_norm ln_pre;
  std::vector<vision_block> blocks;
  at::Tensor window_rotary;  ///< [window*window, head/2, 2]
  at::Tensor global_rotary;  ///< [grid*grid, head/2, 2], in the order of the tokens
  /// Tokens are kept window by window all the way, so that windows need no copies. Only where
  /// windows fill the grid; otherwise tokens are row-major and windows are padded.
  bool window_order = false;
  at::Tensor to_rows;  ///< with window_order: where each token of the row-major grid is

  /// [batch, 3, S, S] float32 -> [batch, grid, grid, width] in the compute type. `between`, when
  /// there is one, is called before every block, and may throw to end the work.
  at::Tensor operator()(const at::Tensor& pixels, const trace& t,
                        const std::function<void()>& between = {}) const;

 private:
  at::Tensor embed(const at::Tensor& pixels, const trace& t) const;
  at::Tensor windowed(const vision_block& b, const at::Tensor& x, const trace& t,
                      const std::string& name) const;
  at::Tensor rows(const at::Tensor& tokens) const;
};

/// `padded_windows` asks for the slower general order even where windows fill the grid (tests).
vision_encoder load_vision_encoder(const weight_source& from, bool padded_windows = false);

}  // namespace samovar::model::sam3
