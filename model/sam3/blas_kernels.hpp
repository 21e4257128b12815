// How this process multiplies matrices on a CPU: OpenBLAS's kernels, OpenMP's threads.
#pragma once

#include <string>

namespace samovar::model::sam3 {

/// OpenBLAS takes its kernels by the processor's model number. One that is younger than its list
/// gets those of a processor without AVX ("Prescott"), five times slower than those for AVX-512
/// (0.3.21 on an Emerald Rapids: 63 against 306 GFLOP/s in float32 on two cores). This lets it
/// choose by what the processor can do. Kernels that fit, and those that OPENBLAS_CORETYPE names,
/// are left alone.
///
/// Sets that variable, for this process and those it starts, so call it before there are threads,
/// and before the first product. Returns the name of the kernels in use, or "" without OpenBLAS.
std::string fit_blas_kernels();

/// LibTorch's threads (OpenMP) sleep while they wait. They would turn in a loop otherwise, on the
/// processors that OpenBLAS's threads multiply on: 39 instead of 27 s for an encoding on two cores.
/// Sets OMP_WAIT_POLICY unless it is set; call it before LibTorch is loaded and before there are
/// threads.
void let_waiting_threads_sleep();

}  // namespace samovar::model::sam3
