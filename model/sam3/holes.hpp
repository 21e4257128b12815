// Small holes in a mask's logits.
#pragma once

#include <cstdint>
#include <vector>

namespace samovar::model::sam3 {

/// Sets every 8-connected component of logits <= 0 with at most `area_max` pixels to 10. `logits`
/// is height * width, row-major. Components at the border count too, as in the reference.
void fill_holes(float* logits, std::int64_t height, std::int64_t width, std::int64_t area_max);

}  // namespace samovar::model::sam3
