#include "model/sam3/blas_kernels.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

namespace samovar::model::sam3 {

namespace {

template <class Function>
Function* find(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_DEFAULT, name));
}

// Kernels that use no AVX2.
constexpr std::array<std::string_view, 12> old_kernels{
    "Katmai", "Coppermine", "Northwood",  "Prescott", "Banias",      "Atom",
    "Core2",  "Penryn",     "Dunnington", "Nehalem",  "Sandybridge", "Generic"};

const char* fitting_kernels() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return "SKYLAKEX";
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "HASWELL";
#endif
  return nullptr;
}

}  // namespace

std::string fit_blas_kernels() {
  auto* const name = find<char*()>("openblas_get_corename");
  if (name == nullptr) return {};
  const bool old = std::find(old_kernels.begin(), old_kernels.end(), name()) != old_kernels.end();
  const char* wanted = fitting_kernels();
  if (!old || wanted == nullptr || std::getenv("OPENBLAS_CORETYPE") != nullptr) return name();
  // What its constructor does; kernels cannot be named in any other way once it is loaded.
  auto* const quit = find<void()>("gotoblas_dynamic_quit");
  auto* const init = find<void()>("gotoblas_dynamic_init");
  if (quit == nullptr || init == nullptr) return name();
  ::setenv("OPENBLAS_CORETYPE", wanted, 1);
  quit();
  init();
  return name();
}

void let_waiting_threads_sleep() { ::setenv("OMP_WAIT_POLICY", "passive", 0); }

}  // namespace samovar::model::sam3
