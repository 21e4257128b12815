// Position tables and sines. All in float32, computed on the CPU in double precision.
#pragma once

#include <ATen/ATen.h>

namespace samovar::model::sam3 {

/// Two-dimensional rotary table for a side x side grid, row-major: [side*side, head_size/2, 2] of
/// (cosine, sine). The first half of the pairs turns with the column, the second with the row;
/// positions are multiplied by `scale`.
at::Tensor rotary_table(std::int64_t side, std::int64_t head_size, double scale, double theta);

/// Sine position map [height*width, width_of_model]: y in the first half of the channels, x in the
/// second (1-based positions over the side, times 2 pi).
at::Tensor sine_map(std::int64_t height, std::int64_t width, std::int64_t channels);

/// Each value v (already times 2 pi) -> sin(v/t), cos(v/t), ... for every divisor t:
/// [..., 2 * divisors].
at::Tensor sines(const at::Tensor& values, const at::Tensor& divisors);
/// 10000^(2k/count) for k < count/2, double; kept on the device by who calls `sines` often.
at::Tensor sine_divisors(std::int64_t count);

}  // namespace samovar::model::sam3
