// 8-bit grey PNG for masks: long runs of one value, which a few lines of deflate pack at memory
// speed where zlib's fastest level needs 50 ms for 12 Mpx.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace samovar::model {

/// Precondition: grey.size() == width * height, both positive.
std::string write_grey_png(std::span<const std::uint8_t> grey, int width, int height);

}  // namespace samovar::model
