// How many threads the CPU's products use.
#pragma once

namespace samovar::model::sam3 {

/// Sets LibTorch's and, where it is the BLAS, OpenBLAS's number (left alone, LibTorch may take
/// one). 0: as many as there are processors. Returns the number.
int set_cpu_threads(int threads);

}  // namespace samovar::model::sam3
