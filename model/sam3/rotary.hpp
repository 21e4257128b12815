// Splits a joint projection into rotated queries and keys, and values.
#pragma once

#include <ATen/ATen.h>

#include <array>

namespace samovar::model::sam3 {

/// qkv [b, n, 3*width] -> queries, keys, values [b, heads, n, width/heads]; `table` is
/// [n, width/heads/2, 2] of (cosine, sine), float32. Adjacent channels are one pair. Rotated in
/// float32 whatever the type.
std::array<at::Tensor, 3> split_and_rotate(const at::Tensor& qkv, const at::Tensor& table,
                                           std::int64_t heads);

}  // namespace samovar::model::sam3
