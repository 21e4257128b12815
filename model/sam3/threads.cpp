#include "model/sam3/threads.hpp"

#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <sched.h>

#include <algorithm>

namespace samovar::model::sam3 {

int set_cpu_threads(int threads) {
  if (threads <= 0) {
    cpu_set_t mine;
    CPU_ZERO(&mine);
    threads = sched_getaffinity(0, sizeof mine, &mine) == 0 ? CPU_COUNT(&mine) : 1;
  }
  threads = std::clamp(threads, 1, 256);
  at::set_num_threads(threads);
  using setter = void (*)(int);
  if (const auto set = reinterpret_cast<setter>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads")))
    set(threads);
  return threads;
}

}  // namespace samovar::model::sam3
