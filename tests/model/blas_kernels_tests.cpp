// How a CPU multiplies: OpenBLAS's kernels fit the processor even when it was not recognized, and
// the type is the faster one.
#include "model/sam3/blas_kernels.hpp"

#include <dlfcn.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <vector>

#include "model/sam3/bf16_speed.hpp"
#include "model/sam3/description.hpp"

using namespace samovar;

namespace {

template <class Function>
Function* of_openblas(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

/// As after a start on a processor that OpenBLAS doesn't know.
void unrecognized() {
  ::setenv("OPENBLAS_CORETYPE", "PRESCOTT", 1);
  of_openblas<void()>("gotoblas_dynamic_quit")();
  of_openblas<void()>("gotoblas_dynamic_init")();
  ::unsetenv("OPENBLAS_CORETYPE");
}

float corner_of_product(int n) {
  auto* const multiply = of_openblas<void(
      const char*, const char*, const int*, const int*, const int*, const float*, const float*,
      const int*, const float*, const int*, const float*, float*, const int*)>("sgemm_");
  const std::vector<float> ones(std::size_t(n) * std::size_t(n), 1.0F);
  std::vector<float> out(ones.size());
  const float one = 1.0F, none = 0.0F;
  multiply("N", "N", &n, &n, &n, &one, ones.data(), &n, ones.data(), &n, &none, out.data(), &n);
  return out.back();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(blas_kernels)

BOOST_AUTO_TEST_CASE(kernels_without_avx_are_replaced_where_the_processor_has_it) {
  if (of_openblas<void()>("gotoblas_dynamic_init") == nullptr) {
    BOOST_TEST_MESSAGE("SKIPPED: the BLAS here is not an OpenBLAS with kernels to choose from");
    BOOST_TEST(model::sam3::fit_blas_kernels().empty() ==
               (of_openblas<char*()>("openblas_get_corename") == nullptr));
    return;
  }
  unrecognized();
  BOOST_TEST(std::string(of_openblas<char*()>("openblas_get_corename")()) == "Prescott");
  const auto kernels = model::sam3::fit_blas_kernels();
  if (__builtin_cpu_supports("avx512vl"))
    BOOST_TEST(kernels == "SkylakeX");
  else if (__builtin_cpu_supports("avx2"))
    BOOST_TEST(kernels == "Haswell");
  else
    BOOST_TEST(kernels == "Prescott");
  BOOST_TEST(corner_of_product(300) == 300.0F);
  ::unsetenv("OPENBLAS_CORETYPE");
}

BOOST_AUTO_TEST_CASE(named_kernels_are_left_alone) {
  if (of_openblas<void()>("gotoblas_dynamic_init") == nullptr) return;  // said aloud above
  unrecognized();
  ::setenv("OPENBLAS_CORETYPE", "PRESCOTT", 1);
  BOOST_TEST(model::sam3::fit_blas_kernels() == "Prescott");
  ::unsetenv("OPENBLAS_CORETYPE");
  model::sam3::fit_blas_kernels();
}

BOOST_AUTO_TEST_CASE(the_type_by_itself_is_what_multiplies_faster) {
  model::sam3::segmenter_settings s;
  s.dtype = "auto";
  s.device = "cpu";
  const bool bf16 = model::sam3::bf16_is_faster();
  BOOST_TEST_MESSAGE("bf16 is " << (bf16 ? "" : "not ") << "the faster type here");
  if (!__builtin_cpu_supports("avx512bf16")) BOOST_TEST(!bf16);
  BOOST_TEST(model::sam3::compute_type_of(s) == (bf16 ? "bf16" : "fp32"));
  s.device = "cuda:0";
  BOOST_TEST(model::sam3::compute_type_of(s) == "bf16");
  s.dtype = "fp16";
  BOOST_TEST(model::sam3::compute_type_of(s) == "fp16");
}

BOOST_AUTO_TEST_SUITE_END()
