// Is bf16 the faster type on this processor?
#pragma once

namespace samovar::model::sam3 {

/// False where there are no bf16 instructions. The flag avx512_bf16 alone does not tell: processors
/// that carry it make two bf16 products in the time of one in float32, or half a one (an Emerald
/// Rapids whose AMX is hidden by its hypervisor). So both instructions are timed, once, for less
/// than a millisecond; the speeds found so far were a factor of two to either side. With AMX it is
/// true without a look.
bool bf16_is_faster();

/// True when products of bf16 factors are made faster in half precision (half_products.hpp) than by
/// bf16's own instructions; timed likewise.
bool bf16_in_half();

}  // namespace samovar::model::sam3
