// Stored images and decoded pixels.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "core/time.hpp"

namespace samovar::core {

struct image {
  image_id id;
  user_id owner;
  std::string filename;
  std::string blob_path;
  std::string content_type;
  std::int64_t byte_size = 0;
  std::string sha256;       ///< 64 lower-case hex digits
  std::int32_t width = 0;   ///< px, after EXIF orientation
  std::int32_t height = 0;  ///< px, after EXIF orientation
  std::optional<std::string> text_prompt;
  timestamp created_at{};
};

/// 8-bit BGR pixels, row-major, tightly packed: data.size() == 3*width*height.
struct pixels {
  std::int32_t width = 0;
  std::int32_t height = 0;
  std::vector<std::uint8_t> data;
};

/// What decoding an upload found out.
struct image_facts {
  std::string content_type;  ///< image/jpeg, image/png, image/webp, image/tiff, image/bmp
  std::string extension;     ///< jpg, png, webp, tiff, bmp
  std::int32_t width = 0;    ///< px, after EXIF orientation
  std::int32_t height = 0;
};

}  // namespace samovar::core
