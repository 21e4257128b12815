#include "model/sam3/bf16_speed.hpp"

#include "model/sam3/half_kernels.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

#include <algorithm>
#include <chrono>
#include <limits>

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
#define SAMOVAR_HAS_HALF 1
#endif

namespace samovar::model::sam3 {

#if defined(__x86_64__)

namespace {

// Independent sums, enough of them to hide an instruction's latency.
#define EACH_SUM(DO) DO(0) DO(1) DO(2) DO(3) DO(4) DO(5) DO(6) DO(7) DO(8) DO(9) DO(10) DO(11)
#define BEGIN_SUM(n) __m512 sum##n = _mm512_set1_ps(n);
#define END_SUM(n) asm volatile("" ::"v"(sum##n));

constexpr int rounds = 2000;

__attribute__((target("avx512f"))) void multiply_float32() {
  const __m512 x = _mm512_set1_ps(1e-3F);
  EACH_SUM(BEGIN_SUM)
#define ADD(n) sum##n = _mm512_fmadd_ps(x, x, sum##n);
  for (int i = 0; i < rounds; ++i) {
    EACH_SUM(ADD)
  }
#undef ADD
  EACH_SUM(END_SUM)
}

__attribute__((target("avx512f,avx512bf16"))) void multiply_bf16() {
  const __m512bh x = _mm512_cvtne2ps_pbh(_mm512_set1_ps(1e-3F), _mm512_set1_ps(1e-3F));
  EACH_SUM(BEGIN_SUM)
#define ADD(n) sum##n = _mm512_dpbf16_ps(sum##n, x, x);
  for (int i = 0; i < rounds; ++i) {
    EACH_SUM(ADD)
  }
#undef ADD
  EACH_SUM(END_SUM)
}

#ifdef SAMOVAR_HAS_HALF
__attribute__((target("avx512f,avx512fp16"))) void multiply_half() {
  const __m512h x = _mm512_castps_ph(_mm512_set1_ps(1e-3F));
// Each begins with another value, lest they be taken for one.
#define BEGIN(n) __m512h sum##n = _mm512_castps_ph(_mm512_set1_ps(n));
  EACH_SUM(BEGIN)
#undef BEGIN
#define ADD(n) sum##n = _mm512_fmadd_ph(x, x, sum##n);
  for (int i = 0; i < rounds; ++i) {
    EACH_SUM(ADD)
  }
#undef ADD
  EACH_SUM(END_SUM)
}
#endif

bool has_amx_bf16() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d >> 22 & 1) != 0;
}

struct verdict {
  bool bf16_faster = false, in_half = false;
};

verdict measure() {
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bf16")) return {};
  if (has_amx_bf16()) return {true, false};
  double float32 = std::numeric_limits<double>::max(), bf16 = float32, in_half = float32;
  const auto time = [](void (*work)(), double& shortest) {
    const auto begun = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begun;
    shortest = std::min(shortest, taken.count());
  };
  // In turns: what slows the processor down for a moment slows them all.
  for (int i = 0; i < 10; ++i) {
    time(multiply_float32, float32);
    time(multiply_bf16, bf16);
#ifdef SAMOVAR_HAS_HALF
    if (half::supported()) time(multiply_half, in_half);
#endif
  }
  in_half *= 1.2;  // a part goes to what surrounds the products there
  // One bf16 or half-precision instruction makes twice the products of one in float32.
  return {std::min(bf16, in_half) < 2.0 * float32, in_half < bf16};
}

const verdict& found() {
  static const verdict v = measure();
  return v;
}

}  // namespace

bool bf16_is_faster() { return found().bf16_faster; }
bool bf16_in_half() { return found().in_half; }

#else

bool bf16_is_faster() { return false; }
bool bf16_in_half() { return false; }

#endif

}  // namespace samovar::model::sam3
