// Packed masks as run lengths. No LibTorch here.
#pragma once

#include <cstdint>

#include "core/rle.hpp"

namespace samovar::model::sam3 {

/// `bits` holds width columns of ceil(height/8) bytes, the lowest bit of a column's first byte its
/// top pixel; bits past the height are ignored. width, height >= 1, width * height < 2^32.
core::rle runs_of(const std::uint8_t* bits, std::int32_t height, std::int32_t width);

}  // namespace samovar::model::sam3
