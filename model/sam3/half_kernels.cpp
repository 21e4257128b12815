#include "model/sam3/half_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

// GCC 12 is the first with these instructions; clang spells the attributes in another way.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
#define SAMOVAR_HAS_HALF 1
#include "model/sam3/half_simd.hpp"
#endif

namespace samovar::model::sam3::half {

float scale_for(float largest, side of) {
  // To [16, 32) on the left and [8, 16) on the right: 64 products of such values are at most 32768,
  // and half precision ends at 65504.
  if (!(largest > 0.0F) || std::isinf(largest)) return 1.0F;
  return std::ldexp(1.0F, std::clamp((of == side::left ? 4 : 3) - std::ilogb(largest), -120, 120));
}

#ifdef SAMOVAR_HAS_HALF

namespace {

/// Products that are added in half precision before their sum goes to float32.
constexpr std::int64_t added_in_half = 64;

SAMOVAR_HALF inline void add_to(float* sums, __m512 factor, __m512i halves) {
  const __m512 low = _mm512_cvtxph_ps(_mm256_castsi256_ph(_mm512_castsi512_si256(halves)));
  const __m512 high = _mm512_cvtxph_ps(_mm256_castsi256_ph(_mm512_extracti64x4_epi64(halves, 1)));
  _mm512_storeu_ps(sums, _mm512_fmadd_ps(low, factor, _mm512_loadu_ps(sums)));
  _mm512_storeu_ps(sums + 16, _mm512_fmadd_ps(high, factor, _mm512_loadu_ps(sums + 16)));
}

SAMOVAR_HALF inline __m512 bias16(const std::uint16_t* bias, std::int64_t j, std::int64_t count) {
  return bias == nullptr || j >= count ? _mm512_setzero_ps() : load16(bias + j, first16(count - j));
}

template <class T>
SAMOVAR_HALF float largest_of(const T* values, std::int64_t count) {
  __m512 most = _mm512_setzero_ps();
  for (std::int64_t i = 0; i < count; i += 16)
    most = _mm512_max_ps(most, _mm512_abs_ps(load16(values + i, first16(count - i))));
  return _mm512_reduce_max_ps(most);
}

template <class T>
SAMOVAR_HALF void pack_rows_left(const T* first, std::int64_t stride, std::int64_t count,
                                 std::int64_t k, std::uint32_t* out, float* factors) {
  float scales[panel_rows] = {};
  for (std::int64_t r = 0; r < panel_rows; ++r) {
    if (r < count) scales[r] = scale_for(largest_of(first + r * stride, k), side::left);
    factors[r] = r < count ? 1.0F / scales[r] : 0.0F;
  }
  for (std::int64_t i = 0; i < k; i += 16) {
    const __mmask16 which = first16(k - i);
    __m512i square[16];
    for (std::int64_t r = 0; r < 16; ++r)
      square[r] = r < count ? twice(to_half(_mm512_mul_ps(load16(first + r * stride + i, which),
                                                          _mm512_set1_ps(scales[r]))))
                            : _mm512_setzero_si512();
    transpose16(square);
    // Sixteen words where twelve are meant: the next store, or the next panel, writes over four.
    const auto steps = std::min<std::int64_t>(16, k - i);
    for (std::int64_t j = 0; j < steps; ++j)
      _mm512_storeu_si512(out + (i + j) * panel_rows, square[j]);
  }
}

}  // namespace

bool supported() {
  return __builtin_cpu_supports("avx512fp16") && __builtin_cpu_supports("avx512bf16") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq");
}

float largest(const float* values, std::int64_t count) { return largest_of(values, count); }
float largest(const std::uint16_t* values, std::int64_t count) { return largest_of(values, count); }

void pack_left(const float* first, std::int64_t stride, std::int64_t count, std::int64_t k,
               std::uint32_t* out, float* factors) {
  pack_rows_left(first, stride, count, k, out, factors);
}
void pack_left(const std::uint16_t* first, std::int64_t stride, std::int64_t count, std::int64_t k,
               std::uint32_t* out, float* factors) {
  pack_rows_left(first, stride, count, k, out, factors);
}

SAMOVAR_HALF void pack_right(const std::uint16_t* first, std::int64_t stride, std::int64_t count,
                             std::int64_t k, std::uint16_t* out, float* factors) {
  float scales[panel_columns] = {};
  for (std::int64_t c = 0; c < panel_columns; ++c) {
    if (c < count) scales[c] = scale_for(largest_of(first + c * stride, k), side::right);
    factors[c] = c < count ? 1.0F / scales[c] : 0.0F;
  }
  for (std::int64_t c = 0; c < panel_columns; c += 16)
    for (std::int64_t i = 0; i < k; i += 16) {
      const __mmask16 which = first16(k - i);
      __m512i square[16];
      for (std::int64_t r = 0; r < 16; ++r)
        square[r] = c + r < count
                        ? to_half(_mm512_mul_ps(load16(first + (c + r) * stride + i, which),
                                                _mm512_set1_ps(scales[c + r])))
                        : _mm512_setzero_si512();
      transpose16(square);
      const auto steps = std::min<std::int64_t>(16, k - i);
      for (std::int64_t j = 0; j < steps; ++j)
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + (i + j) * panel_columns + c),
                            _mm512_cvtepi32_epi16(square[j]));
    }
}

SAMOVAR_HALF void pack_right_rows(const std::uint16_t* first, std::int64_t stride, float scale,
                                  std::int64_t count, std::int64_t k, std::uint16_t* out) {
  const __m512 by = _mm512_set1_ps(scale);
  for (std::int64_t i = 0; i < k; ++i)
    for (std::int64_t c = 0; c < panel_columns; c += 16) {
      const __mmask16 which = first16(std::max<std::int64_t>(0, count - c));
      const __m512i halves = to_half(_mm512_mul_ps(load16(first + i * stride + c, which), by));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i * panel_columns + c),
                          _mm512_cvtepi32_epi16(halves));
    }
}

SAMOVAR_HALF void multiply(const std::uint32_t* left, const float* factors,
                           const std::uint16_t* right, std::int64_t k, float* sums,
                           std::int64_t stride) {
  for (std::int64_t done = 0; done < k; done += added_in_half) {
    __m512h part[panel_rows][2];  // all in registers
#pragma GCC unroll 12
    for (int i = 0; i < panel_rows; ++i) part[i][0] = part[i][1] = _mm512_setzero_ph();
    const auto steps = std::min(added_in_half, k - done);
    for (std::int64_t s = 0; s < steps; ++s) {
      const __m512h b0 = _mm512_loadu_ph(right), b1 = _mm512_loadu_ph(right + 32);
#pragma GCC unroll 12
      for (int i = 0; i < panel_rows; ++i) {
        // A word of two equal halves is spread by the load; a single half would take a shuffle.
        const __m512h a = _mm512_castsi512_ph(_mm512_set1_epi32(static_cast<int>(left[i])));
        part[i][0] = _mm512_fmadd_ph(a, b0, part[i][0]);
        part[i][1] = _mm512_fmadd_ph(a, b1, part[i][1]);
      }
      left += panel_rows;
      right += panel_columns;
    }
#pragma GCC unroll 12
    for (int i = 0; i < panel_rows; ++i) {
      const __m512 factor = _mm512_set1_ps(factors[i]);
      add_to(sums + i * stride, factor, _mm512_castph_si512(part[i][0]));
      add_to(sums + i * stride + 32, factor, _mm512_castph_si512(part[i][1]));
    }
  }
}

SAMOVAR_HALF void finish(const float* sums, const float* factors, const std::uint16_t* bias,
                         std::int64_t count, std::uint16_t* out) {
  for (std::int64_t j = 0; j < count; j += 16) {
    const __m512 value = _mm512_fmadd_ps(_mm512_loadu_ps(sums + j), _mm512_loadu_ps(factors + j),
                                         bias16(bias, j, count));
    _mm256_mask_storeu_epi16(out + j, first16(count - j),
                             reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(value)));
  }
}

SAMOVAR_HALF void finish_gelu(float* values, const float* factors, const std::uint16_t* bias,
                              std::int64_t count) {
  for (std::int64_t j = 0; j < panel_columns; j += 16)
    _mm512_storeu_ps(
        values + j, gelu_16(_mm512_fmadd_ps(_mm512_loadu_ps(values + j),
                                            _mm512_loadu_ps(factors + j), bias16(bias, j, count))));
}

SAMOVAR_HALF void take_keys(float* scores, std::int64_t stride, std::int64_t keys,
                            const float* key_factors, float factor, softmax_state& state,
                            std::uint32_t* packed) {
  const __m512 lowest = _mm512_set1_ps(-std::numeric_limits<float>::infinity());
  const float by = factor * 1.44269504F;  // powers of two are taken
  for (std::int64_t r = 0; r < panel_rows; ++r) {
    float* row = scores + r * stride;
    __m512 most = lowest;
    for (std::int64_t j = 0; j < keys; j += 16) {
      const __m512 score = _mm512_mask_mul_ps(lowest, first16(keys - j), _mm512_loadu_ps(row + j),
                                              _mm512_loadu_ps(key_factors + j));
      _mm512_storeu_ps(row + j, score);
      most = _mm512_max_ps(most, score);
    }
    const float before = state.largest[r];
    state.largest[r] = std::max(before, _mm512_reduce_max_ps(most));
    state.shrink[r] = std::exp2((before - state.largest[r]) * by);
    state.sum[r] *= state.shrink[r];
  }
  __m512 sums[panel_rows];
  for (auto& s : sums) s = _mm512_setzero_ps();
  for (std::int64_t j = 0; j < keys; j += 16) {
    __m512i square[16];
    for (std::int64_t r = 0; r < panel_rows; ++r) {
      const __m512 above =
          _mm512_sub_ps(_mm512_loadu_ps(scores + r * stride + j), _mm512_set1_ps(state.largest[r]));
      const __m512 power = exp2_16(_mm512_mul_ps(above, _mm512_set1_ps(by)));
      sums[r] = _mm512_add_ps(sums[r], power);
      square[r] = twice(to_half(_mm512_mul_ps(power, _mm512_set1_ps(weight_scale))));
    }
    for (std::int64_t r = panel_rows; r < 16; ++r) square[r] = _mm512_setzero_si512();
    transpose16(square);
    const auto steps = std::min<std::int64_t>(16, keys - j);
    for (std::int64_t s = 0; s < steps; ++s)
      _mm512_storeu_si512(packed + (j + s) * panel_rows, square[s]);
  }
  for (std::int64_t r = 0; r < panel_rows; ++r) state.sum[r] += _mm512_reduce_add_ps(sums[r]);
}

SAMOVAR_HALF void shrink(float* values, std::int64_t count, float factor) {
  for (std::int64_t j = 0; j < count; j += 16)
    _mm512_mask_storeu_ps(
        values + j, first16(count - j),
        _mm512_mul_ps(load16(values + j, first16(count - j)), _mm512_set1_ps(factor)));
}

#else

namespace {
[[noreturn]] void refuse() { throw std::logic_error("no half-precision products in this build"); }
}  // namespace

bool supported() { return false; }
float largest(const float*, std::int64_t) { refuse(); }
float largest(const std::uint16_t*, std::int64_t) { refuse(); }
void pack_left(const float*, std::int64_t, std::int64_t, std::int64_t, std::uint32_t*, float*) {
  refuse();
}
void pack_left(const std::uint16_t*, std::int64_t, std::int64_t, std::int64_t, std::uint32_t*,
               float*) {
  refuse();
}
void pack_right(const std::uint16_t*, std::int64_t, std::int64_t, std::int64_t, std::uint16_t*,
                float*) {
  refuse();
}
void pack_right_rows(const std::uint16_t*, std::int64_t, float, std::int64_t, std::int64_t,
                     std::uint16_t*) {
  refuse();
}
void multiply(const std::uint32_t*, const float*, const std::uint16_t*, std::int64_t, float*,
              std::int64_t) {
  refuse();
}
void finish(const float*, const float*, const std::uint16_t*, std::int64_t, std::uint16_t*) {
  refuse();
}
void finish_gelu(float*, const float*, const std::uint16_t*, std::int64_t) { refuse(); }
void take_keys(float*, std::int64_t, std::int64_t, const float*, float, softmax_state&,
               std::uint32_t*) {
  refuse();
}
void shrink(float*, std::int64_t, float) { refuse(); }

#endif

}  // namespace samovar::model::sam3::half
