// JPEG through libjpeg-turbo itself: OpenCV shows a third of a file as a whole image.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/errors.hpp"
#include "core/images.hpp"

namespace samovar::model {

/// Decodes to BGR, not oriented. `side_px_min` > 0 lets the DCT scale down as long as the longer
/// side stays at or above it. Any data-corruption warning (truncated, bad codes) is an error.
/// Precondition: the header's size has been checked.
core::outcome<core::pixels> decode_jpeg(std::string_view bytes, int side_px_min = 0);

}  // namespace samovar::model
