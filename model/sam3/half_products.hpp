// The network's products in bf16 on a processor that multiplies half precision (half_kernels.hpp):
// what at::linear, attention and convolution would give, with smaller errors and several times
// faster where bf16's own instructions are slow.
#pragma once

#include <ATen/ATen.h>

namespace samovar::model::sam3::half {

/// True when `weight` ([out, in], or a convolution's) is one of those that these functions take:
/// bf16 on the CPU of a machine where they are the fastest way (bf16_speed.hpp), its rows in one
/// piece each; and `rows` are enough to be worth packing it.
bool takes(const at::Tensor& weight, std::int64_t rows);

/// x [..., in] in bf16 or float32, weight [out, in], bias [out] or undefined -> [..., out] in bf16.
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

/// second(gelu(first(x))), what lies between never leaving a core's cache; GELU in its exact form.
at::Tensor feed_forward(const at::Tensor& x, const at::Tensor& first_weight,
                        const at::Tensor& first_bias, const at::Tensor& second_weight,
                        const at::Tensor& second_bias);

/// 3x3, padding 1: x [b, h, w, in], weight [out, in, 3, 3], channels last -> [b, h, w, out] in
/// bf16.
at::Tensor convolution3(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

/// As sam3::attention without a bias. q [b, heads, n, size], k and v [b, heads, m, size] in bf16
/// with size <= 64, their last axis in one piece; -> [b, heads, n, size], a view of
/// [b, n, heads, size].
bool takes_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);
at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v);

}  // namespace samovar::model::sam3::half
