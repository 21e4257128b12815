// The vector steps that the half-precision products are made of (half_kernels.cpp). Everything here
// is for processors with AVX512-FP16 alone: call nothing without asking half::supported().
#pragma once

#include <immintrin.h>

#include <cstdint>

#define SAMOVAR_HALF [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx512fp16")]]

namespace samovar::model::sam3::half {

/// Sixteen values, or the first of them (the others are zero), as float32.
SAMOVAR_HALF inline __m512 load16(const float* from, __mmask16 which) {
  return _mm512_maskz_loadu_ps(which, from);
}
SAMOVAR_HALF inline __m512 load16(const std::uint16_t* bf16, __mmask16 which) {
  return _mm512_castsi512_ps(
      _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(which, bf16)), 16));
}

SAMOVAR_HALF inline __mmask16 first16(std::int64_t count) {
  return count >= 16 ? __mmask16(0xFFFF) : static_cast<__mmask16>((1U << count) - 1U);
}

/// Half precision in the low word of each of sixteen, rounded to nearest.
SAMOVAR_HALF inline __m512i to_half(__m512 x) {
  return _mm512_cvtepu16_epi32(_mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

/// The low word of each of sixteen, in both of its words.
SAMOVAR_HALF inline __m512i twice(__m512i x) {
  return _mm512_or_si512(x, _mm512_slli_epi32(x, 16));
}

/// Rows of a 16x16 square become its columns.
SAMOVAR_HALF inline void transpose16(__m512i (&r)[16]) {
  __m512i t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xDD);
    t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xDD);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xDD);
    r[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    r[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xDD);
  }
}

/// 2^x for x <= 127, to 2e-7 of the result; 0 (or next to it) below -150.
SAMOVAR_HALF inline __m512 exp2_16(__m512 x) {
  x = _mm512_max_ps(x, _mm512_set1_ps(-150.0F));
  const __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 r = _mm512_sub_ps(x, whole);
  // Taylor's series of 2^r, |r| <= 1/2: ln(2)^n / n!.
  __m512 p = _mm512_set1_ps(1.5403530e-4F);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.3333558e-3F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(9.6181291e-3F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(5.5504109e-2F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(2.4022651e-1F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(6.9314718e-1F));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0F));
  return _mm512_scalef_ps(p, whole);
}

/// The exact GELU, x/2 * (1 + erf(x / sqrt(2))), to 3e-7 of |x|: erf by Abramowitz and
/// Stegun 7.1.26.
SAMOVAR_HALF inline __m512 gelu_16(__m512 x) {
  const __m512 magnitude = _mm512_abs_ps(x);
  const __m512 t = _mm512_div_ps(
      _mm512_set1_ps(1.0F),
      _mm512_fmadd_ps(magnitude, _mm512_set1_ps(0.3275911F * 0.70710678F), _mm512_set1_ps(1.0F)));
  __m512 p = _mm512_set1_ps(1.061405429F);
  p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-1.453152027F));
  p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(1.421413741F));
  p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-0.284496736F));
  p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.254829592F));
  // exp(-x^2 / 2) as a power of two.
  const __m512 tail =
      _mm512_mul_ps(_mm512_mul_ps(p, t),
                    exp2_16(_mm512_mul_ps(_mm512_mul_ps(x, x), _mm512_set1_ps(-0.72134752F))));
  // 1 - erf(|x| / sqrt(2)) is `tail`: both signs of x without a difference of near values.
  return _mm512_fnmadd_ps(_mm512_mul_ps(magnitude, _mm512_set1_ps(0.5F)), tail,
                          _mm512_max_ps(x, _mm512_setzero_ps()));
}

}  // namespace samovar::model::sam3::half
