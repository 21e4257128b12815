// The image codec: bounded decoding of JPEG, PNG, WebP, TIFF and BMP, thumbnails, mask PNGs.
//
// Orientation (EXIF in JPEG, PNG and WebP, the tag in TIFF) is applied everywhere alike. Alpha is
// composited over white; 16-bit samples become 8-bit; of animations and multi-page files the first
// frame counts; CMYK JPEGs are converted without colour management.
#pragma once

#include <cstdint>
#include <memory>

#include "core/limits.hpp"
#include "core/ports.hpp"

namespace samovar::model {

struct codec_limits {
  std::uint64_t pixels_max = core::limits::image_pixels_max;
  std::int64_t side_px_max = core::limits::image_side_px_max;
  std::uint64_t file_bytes_max = core::limits::upload_bytes_max;
};

/// Thread-safe: it holds no state but its limits.
std::unique_ptr<core::image_codec> make_image_codec(const codec_limits& limits = {});

}  // namespace samovar::model
