// Steps that would be several passes over the activations, in one where the device has a kernel for
// it: CUDA with the optional kernels built in (SAMOVAR_SAM3_CUDA), the CPU in plain loops;
// LibTorch's own operations everywhere else.
#pragma once

#include <ATen/ATen.h>

#include <array>

#include "model/sam3/layers.hpp"

namespace samovar::model::sam3 {

/// qkv [b, n, 3*width], contiguous, is overwritten; `table` is [n, width/heads/2, 2] of (cosine,
/// sine), float32. Adjacent channels are one pair; rotated in float32 whatever the type.
/// -> views of queries, keys, values, [b, heads, n, width/heads].
std::array<at::Tensor, 3> split_and_rotate(const at::Tensor& qkv, const at::Tensor& table,
                                           std::int64_t heads);

/// x += y, in place; returns norm(x). x and y are contiguous and of one shape and type.
at::Tensor add_and_norm(at::Tensor& x, const at::Tensor& y, const layer_norm& norm);

/// norm(x) for x in bf16 on the CPU, in float32 but for its ends. LibTorch 1.13 takes ten times as
/// long for it as for float32 (56 against 5 ms for 5184 rows of 1024).
at::Tensor norm_in_bf16(const at::Tensor& x, const layer_norm& norm);
bool in_bf16_on_cpu(const at::Tensor& x);

/// True when the optional CUDA kernels are built in.
bool has_cuda_kernels();

}  // namespace samovar::model::sam3
