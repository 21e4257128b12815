// Softmax attention: one function, the best implementation that the LibTorch at hand has.
#pragma once

#include <ATen/ATen.h>

namespace samovar::model::sam3 {

/// q [b, heads, n, size], k and v [b, heads, m, size] -> [b, heads, n, size]; scores are scaled by
/// 1/sqrt(size), `bias` (undefined: none) is added to them and broadcasts to [b, heads, n, m].
at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const at::Tensor& bias);

/// The form for LibTorch before 2.0, in pieces of bounded memory; everywhere for tests.
at::Tensor attention_in_pieces(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               const at::Tensor& bias);

}  // namespace samovar::model::sam3
