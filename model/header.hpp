// What an image file says about itself before any pixel is decoded: format by content, size,
// EXIF/TIFF orientation, and whether the file is structurally whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/errors.hpp"
#include "core/geometry.hpp"

namespace samovar::model {

enum class image_kind : std::uint8_t { jpeg, png, webp, tiff, bmp };

/// "image/jpeg" etc.
std::string_view content_type_of(image_kind kind);
/// "jpg", "png", "webp", "tiff", "bmp".
std::string_view extension_of(image_kind kind);

struct image_header {
  image_kind kind = image_kind::jpeg;
  std::int64_t width = 0;          ///< px as stored, before orientation; may be absurd: check it
  std::int64_t height = 0;         ///< px as stored
  int orientation = 1;             ///< EXIF 1..8
  std::size_t orientation_at = 0;  ///< TIFF: byte offset of the tag's value, 0 when absent
  bool big_endian = false;         ///< TIFF byte order
};

/// Size after orientation.
core::size oriented_size(const image_header& h);

/// By the first bytes only.
std::optional<image_kind> sniff(std::string_view bytes);

/// Parses the header; `bytes` may be the beginning of a file only. unsupported_image (415) when it
/// is no image or the header is not within `bytes`.
core::outcome<image_header> read_header(std::string_view bytes);

/// Checks a whole file for truncation as far as its container tells (PNG chunks and CRCs, RIFF
/// size, BMP rows, TIFF strips). JPEG has no such structure: its decoder finds out.
core::status check_whole(const image_header& h, std::string_view bytes);

/// EXIF orientation 1..8 in a TIFF-structured EXIF block; 1 when absent or damaged.
int exif_orientation(std::string_view exif);

// TIFF (header_tiff.cpp)
core::outcome<image_header> read_tiff_header(std::string_view bytes);
core::status check_whole_tiff(std::string_view bytes);

/// The errors every format shares.
core::error not_an_image();
core::error truncated(std::string_view format);

/// Bounds-checked unsigned reads.
struct byte_reader {
  std::string_view data;
  bool big_endian = true;

  bool has(std::uint64_t at, std::uint64_t count) const {
    return at <= data.size() && count <= data.size() - at;
  }
  std::uint32_t u8(std::uint64_t at) const {
    return has(at, 1) ? static_cast<unsigned char>(data[at]) : 0;
  }
  std::uint32_t u16(std::uint64_t at) const {
    return big_endian ? u8(at) << 8 | u8(at + 1) : u8(at + 1) << 8 | u8(at);
  }
  std::uint32_t u24(std::uint64_t at) const { return u16(at) | u8(at + 2) << 16; }  ///< little
  std::uint32_t u32(std::uint64_t at) const {
    return big_endian ? u16(at) << 16 | u16(at + 2) : u16(at + 2) << 16 | u16(at);
  }
};

}  // namespace samovar::model
