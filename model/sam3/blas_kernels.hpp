// Which kernels OpenBLAS multiplies with, when it is the BLAS of this process.
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

}  // namespace samovar::model::sam3
