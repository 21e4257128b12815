#include "model/sam3/fused.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>
#include <vector>

#ifdef SAMOVAR_SAM3_CUDA
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include "model/sam3/cuda/kernels.h"
#endif

namespace samovar::model::sam3 {
namespace {

float up(float v) { return v; }
float up(at::BFloat16 v) { return std::bit_cast<float>(static_cast<std::uint32_t>(v.x) << 16); }
void down(float v, float& out) { out = v; }
void down(float v, at::BFloat16& out) {
  const auto bits = std::bit_cast<std::uint32_t>(v);
  // To nearest, half to even. Of numbers that are none only those that arithmetic makes stay so.
  out.x = static_cast<std::uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

template <class T>
void rotate_rows(T* qkv, const float* table, std::int64_t rows, std::int64_t n, std::int64_t width,
                 std::int64_t head) {
  at::parallel_for(0, rows, 16, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const float* turns = table + r % n * head;
      for (T* p = qkv + r * 3 * width; p < qkv + r * 3 * width + 2 * width; p += head)
        for (std::int64_t j = 0; j < head; j += 2) {
          const float a = up(p[j]), b = up(p[j + 1]), c = turns[j], s = turns[j + 1];
          down(a * c - b * s, p[j]);
          down(a * s + b * c, p[j + 1]);
        }
    }
  });
}

constexpr std::int64_t lanes = 16;  // sums side by side, which a compiler may keep in one register

/// The sum of term(j) for j < count.
template <class Term>
float sum_over(std::int64_t count, const Term& term) {
  std::array<float, lanes> parts{};
  const auto whole = count / lanes * lanes;
  for (std::int64_t j = 0; j < whole; j += lanes)
    for (std::int64_t k = 0; k < lanes; ++k) parts[static_cast<std::size_t>(k)] += term(j + k);
  float sum = 0.0F;
  for (const float p : parts) sum += p;
  for (auto j = whole; j < count; ++j) sum += term(j);
  return sum;
}

/// x += y where there is a y; z = norm(x). Rows of `width`.
void norm_rows(at::BFloat16* x, const at::BFloat16* y, at::BFloat16* z, const layer_norm& norm,
               std::int64_t rows, std::int64_t width) {
  const auto* weight = norm.exact_weight.data_ptr<float>();
  const auto* bias = norm.exact_bias.data_ptr<float>();
  const auto eps = static_cast<float>(norm.eps), count = static_cast<float>(width);
  at::parallel_for(0, rows, 16, [=](std::int64_t begin, std::int64_t end) {
    std::vector<float> values(static_cast<std::size_t>(width));
    float* v = values.data();
    for (auto r = begin; r < end; ++r) {
      at::BFloat16* const in = x + r * width;
      if (y != nullptr)
        for (std::int64_t j = 0; j < width; ++j) down(up(in[j]) + up(y[r * width + j]), in[j]);
      for (std::int64_t j = 0; j < width; ++j) v[j] = up(in[j]);
      const float mean = sum_over(width, [=](std::int64_t j) { return v[j]; }) / count;
      const float variance =
          sum_over(width, [=](std::int64_t j) { return (v[j] - mean) * (v[j] - mean); }) / count;
      const float scale = 1.0F / std::sqrt(variance + eps);
      for (std::int64_t j = 0; j < width; ++j)
        down((v[j] - mean) * scale * weight[j] + bias[j], z[r * width + j]);
    }
  });
}

void rotate_with_libtorch(const at::Tensor& parts, const at::Tensor& table) {
  const auto b = parts.size(0), n = parts.size(1), heads = parts.size(3);
  const at::Tensor turn = at::view_as_complex(table).view({1, n, 1, 1, -1});
  at::Tensor both = parts.narrow(2, 0, 2);
  const at::Tensor pairs = both.to(at::kFloat, /*non_blocking=*/false, /*copy=*/true)
                               .contiguous()
                               .view({b, n, 2, heads, -1, 2});
  at::view_as_complex(pairs).mul_(turn);
  both.copy_(pairs.flatten(-2));
}

#ifdef SAMOVAR_SAM3_CUDA
int kernel_type(at::ScalarType t) {
  if (t == at::kBFloat16) return samovar_sam3_bf16;
  return t == at::kHalf ? samovar_sam3_f16 : samovar_sam3_f32;
}
bool in_vectors(const at::Tensor& t, std::int64_t values) {
  return t.is_contiguous() && values * static_cast<std::int64_t>(t.element_size()) % 16 == 0 &&
         reinterpret_cast<std::uintptr_t>(t.data_ptr()) % 16 == 0;
}
void check(int error) {
  if (error != 0) throw std::runtime_error("CUDA error " + std::to_string(error));
}
#endif

/// False when there is no kernel for it.
bool rotate_on_cuda([[maybe_unused]] const at::Tensor& qkv,
                    [[maybe_unused]] const at::Tensor& table, [[maybe_unused]] std::int64_t heads) {
#ifdef SAMOVAR_SAM3_CUDA
  const auto width = qkv.size(2) / 3, head = width / heads;
  if (!qkv.is_cuda() || !in_vectors(qkv, head)) return false;
  const c10::cuda::CUDAGuard guard(qkv.device());
  check(samovar_sam3_rotate(qkv.data_ptr(), table.data_ptr<float>(), qkv.size(0) * qkv.size(1),
                            static_cast<int>(qkv.size(1)), static_cast<int>(width),
                            static_cast<int>(head), kernel_type(qkv.scalar_type()),
                            c10::cuda::getCurrentCUDAStream().stream()));
  return true;
#else
  return false;
#endif
}

}  // namespace

bool in_bf16_on_cpu(const at::Tensor& x) {
  return x.device().is_cpu() && x.scalar_type() == at::kBFloat16;
}

bool has_cuda_kernels() {
#ifdef SAMOVAR_SAM3_CUDA
  return true;
#else
  return false;
#endif
}

std::array<at::Tensor, 3> split_and_rotate(const at::Tensor& qkv, const at::Tensor& table,
                                           std::int64_t heads) {
  const auto b = qkv.size(0), n = qkv.size(1), width = qkv.size(2) / 3;
  const at::Tensor parts = qkv.view({b, n, 3, heads, -1});
  if (!rotate_on_cuda(qkv, table, heads)) {
    const auto* turns = table.data_ptr<float>();
    if (qkv.device().is_cpu() && qkv.scalar_type() == at::kFloat)
      rotate_rows(qkv.data_ptr<float>(), turns, b * n, n, width, width / heads);
    else if (in_bf16_on_cpu(qkv))
      rotate_rows(qkv.data_ptr<at::BFloat16>(), turns, b * n, n, width, width / heads);
    else
      rotate_with_libtorch(parts, table);
  }
  const auto view = [&](std::int64_t i) { return parts.select(2, i).transpose(1, 2); };
  return {view(0), view(1), view(2)};
}

at::Tensor add_and_norm(at::Tensor& x, const at::Tensor& y, const layer_norm& norm) {
#ifdef SAMOVAR_SAM3_CUDA
  const auto width = x.size(-1);
  const bool exact = x.scalar_type() == at::kFloat;
  const at::Tensor weight = exact ? norm.exact_weight : norm.weight;
  const at::Tensor bias = exact ? norm.exact_bias : norm.bias;
  if (x.is_cuda() && y.scalar_type() == x.scalar_type() && in_vectors(x, width) &&
      in_vectors(y, width) && in_vectors(weight, width) && in_vectors(bias, width) &&
      width * static_cast<std::int64_t>(x.element_size()) <= samovar_sam3_norm_bytes_max) {
    const c10::cuda::CUDAGuard guard(x.device());
    at::Tensor z = at::empty_like(x);
    check(samovar_sam3_add_norm(x.data_ptr(), y.data_ptr(), z.data_ptr(), weight.data_ptr(),
                                bias.data_ptr(), x.numel() / width, static_cast<int>(width),
                                static_cast<float>(norm.eps), kernel_type(x.scalar_type()),
                                c10::cuda::getCurrentCUDAStream().stream()));
    return z;
  }
#endif
  if (in_bf16_on_cpu(x) && y.scalar_type() == at::kBFloat16 && x.is_contiguous() &&
      y.is_contiguous() && y.sizes() == x.sizes()) {
    const auto width = x.size(-1);
    at::Tensor z = at::empty_like(x);
    norm_rows(x.data_ptr<at::BFloat16>(), y.data_ptr<at::BFloat16>(), z.data_ptr<at::BFloat16>(),
              norm, x.numel() / width, width);
    return z;
  }
  x.add_(y);
  return norm(x);
}

at::Tensor norm_in_bf16(const at::Tensor& x, const layer_norm& norm) {
  const auto width = x.size(-1);
  const at::Tensor in = x.contiguous();
  at::Tensor z = at::empty_like(in);
  norm_rows(in.data_ptr<at::BFloat16>(), nullptr, z.data_ptr<at::BFloat16>(), norm,
            in.numel() / width, width);
  return z;
}

}  // namespace samovar::model::sam3
