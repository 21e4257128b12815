#include "model/header.hpp"

#include <zlib.h>

#include <array>

namespace samovar::model {

using core::error_code;
using core::make_error;

namespace {

constexpr std::string_view png_magic{"\x89PNG\r\n\x1a\n", 8};

struct kind_names {
  std::string_view content_type;
  std::string_view extension;
};
constexpr std::array<kind_names, 5> names{{{"image/jpeg", "jpg"},
                                           {"image/png", "png"},
                                           {"image/webp", "webp"},
                                           {"image/tiff", "tiff"},
                                           {"image/bmp", "bmp"}}};

bool is_frame_marker(std::uint32_t m) {
  return m >= 0xC0 && m <= 0xCF && m != 0xC4 && m != 0xC8 && m != 0xCC;
}

// ITU T.81 annex B: segments up to the first frame header.
core::outcome<image_header> read_jpeg(std::string_view bytes) {
  const byte_reader in{bytes};
  image_header h{image_kind::jpeg};
  std::uint64_t at = 2;
  while (in.has(at, 4)) {
    if (in.u8(at) != 0xFF) return not_an_image();
    const auto marker = in.u8(at + 1);
    if (marker == 0xFF) {  // fill byte
      ++at;
      continue;
    }
    if (marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8)) {
      at += 2;
      continue;
    }
    const std::uint64_t length = in.u16(at + 2);
    if (marker == 0xDA || marker == 0xD9 || length < 2) return not_an_image();
    if (is_frame_marker(marker)) {
      if (!in.has(at, 9)) return truncated("JPEG");
      h.height = in.u16(at + 5);
      h.width = in.u16(at + 7);
      return h;
    }
    if (marker == 0xE1 && in.has(at + 4, 6) &&
        bytes.substr(at + 4, 6) == std::string_view("Exif\0\0", 6))
      h.orientation = exif_orientation(bytes.substr(at + 10, length < 8 ? 0 : length - 8));
    at += 2 + length;
  }
  return truncated("JPEG");
}

core::outcome<image_header> read_png(std::string_view bytes) {
  const byte_reader in{bytes};
  if (!in.has(0, 33) || bytes.substr(12, 4) != "IHDR") return truncated("PNG");
  image_header h{image_kind::png, in.u32(16), in.u32(20)};
  for (std::uint64_t at = 33; in.has(at, 8); at += 12ULL + in.u32(at)) {
    const auto type = bytes.substr(at + 4, 4);
    if (type == "eXIf") h.orientation = exif_orientation(bytes.substr(at + 8, in.u32(at)));
    if (type == "IEND") break;
  }
  return h;
}

core::status check_png(std::string_view bytes) {
  const byte_reader in{bytes};
  for (std::uint64_t at = 8; in.has(at, 12);) {
    const std::uint64_t length = in.u32(at);
    if (!in.has(at, 12 + length)) return truncated("PNG");
    const auto body = bytes.substr(at + 4, 4 + length);
    const auto sum = crc32_z(0, reinterpret_cast<const Bytef*>(body.data()), body.size());
    if (sum != in.u32(at + 8 + length))
      return make_error(error_code::unsupported_image, "The PNG file is damaged (checksum).");
    if (body.substr(0, 4) == "IEND") return core::done{};
    at += 12 + length;
  }
  return truncated("PNG");
}

core::outcome<image_header> read_webp(std::string_view bytes) {
  const byte_reader in{bytes, false};
  image_header h{image_kind::webp};
  if (!in.has(0, 30)) return truncated("WebP");
  const auto first = bytes.substr(12, 4);
  if (first == "VP8 ") {
    if (in.u24(23) != 0x2A019D) return not_an_image();
    h.width = in.u16(26) & 0x3FFF;
    h.height = in.u16(28) & 0x3FFF;
    return h;
  }
  if (first == "VP8L") {
    if (in.u8(20) != 0x2F) return not_an_image();
    const auto bits = in.u32(21);
    h.width = (bits & 0x3FFF) + 1;
    h.height = ((bits >> 14) & 0x3FFF) + 1;
    return h;
  }
  if (first != "VP8X") return not_an_image();
  h.width = in.u24(24) + 1;
  h.height = in.u24(27) + 1;
  for (std::uint64_t at = 12; in.has(at, 8);) {
    const std::uint64_t length = in.u32(at + 4);
    if (bytes.substr(at, 4) == "EXIF" && in.has(at + 8, length)) {
      auto exif = bytes.substr(at + 8, length);
      if (exif.starts_with(std::string_view("Exif\0\0", 6))) exif.remove_prefix(6);
      h.orientation = exif_orientation(exif);
    }
    at += 8 + length + (length & 1);
  }
  return h;
}

core::status check_webp(std::string_view bytes) {
  const byte_reader in{bytes, false};
  const std::uint64_t end = 8ULL + in.u32(4);
  if (end > bytes.size()) return truncated("WebP");
  std::uint64_t at = 12;
  while (at + 8 <= end) at += 8ULL + in.u32(at + 4);  // the last chunk's padding may be missing
  if (at > end + 1) return truncated("WebP");
  return core::done{};
}

core::outcome<image_header> read_bmp(std::string_view bytes) {
  const byte_reader in{bytes, false};
  if (!in.has(0, 26)) return truncated("BMP");
  image_header h{image_kind::bmp};
  const auto info = in.u32(14);
  if (info == 12) {
    h.width = in.u16(18);
    h.height = in.u16(20);
  } else if (info >= 40 && info <= 256) {
    h.width = static_cast<std::int32_t>(in.u32(18));
    const std::int64_t height = static_cast<std::int32_t>(in.u32(22));
    h.height = height < 0 ? -height : height;  // negative: rows run top-down
  } else {
    return not_an_image();
  }
  return h;
}

core::status check_bmp(const image_header& h, std::string_view bytes) {
  const byte_reader in{bytes, false};
  const bool old = in.u32(14) == 12;
  const std::uint64_t bits = in.u16(old ? 24 : 28);
  const auto compression = old ? 0 : in.u32(30);
  const std::uint64_t offset = in.u32(10);
  const auto rows = ((static_cast<std::uint64_t>(h.width) * bits + 31) / 32) * 4 *
                    static_cast<std::uint64_t>(h.height);
  if (compression == 0 || compression == 3) {
    if (!in.has(offset, rows)) return truncated("BMP");
  } else if (!in.has(offset, in.u32(34)) || in.u32(34) == 0 || in.u32(2) > bytes.size()) {
    return truncated("BMP");
  }
  return core::done{};
}

}  // namespace

core::error not_an_image() {
  return make_error(error_code::unsupported_image,
                    "The file is not a readable JPEG, PNG, WebP, TIFF or BMP image.");
}

core::error truncated(std::string_view format) {
  return make_error(error_code::unsupported_image,
                    "The " + std::string(format) + " file is truncated or damaged.");
}

std::string_view content_type_of(image_kind kind) {
  return names[static_cast<std::size_t>(kind)].content_type;
}

std::string_view extension_of(image_kind kind) {
  return names[static_cast<std::size_t>(kind)].extension;
}

core::size oriented_size(const image_header& h) {
  const core::size s{static_cast<std::int32_t>(h.width), static_cast<std::int32_t>(h.height)};
  return h.orientation >= 5 ? core::size{s.height, s.width} : s;
}

std::optional<image_kind> sniff(std::string_view b) {
  if (b.starts_with("\xFF\xD8\xFF")) return image_kind::jpeg;
  if (b.starts_with(png_magic)) return image_kind::png;
  if (b.size() >= 12 && b.starts_with("RIFF") && b.substr(8, 4) == "WEBP") return image_kind::webp;
  if (b.starts_with(std::string_view("II*\0", 4)) || b.starts_with(std::string_view("MM\0*", 4)))
    return image_kind::tiff;
  if (b.starts_with("BM")) return image_kind::bmp;
  return std::nullopt;
}

core::outcome<image_header> read_header(std::string_view bytes) {
  const auto kind = sniff(bytes);
  if (!kind) return not_an_image();
  auto h = [&] {
    switch (*kind) {
      case image_kind::jpeg: return read_jpeg(bytes);
      case image_kind::png: return read_png(bytes);
      case image_kind::webp: return read_webp(bytes);
      case image_kind::tiff: return read_tiff_header(bytes);
      case image_kind::bmp: return read_bmp(bytes);
    }
    return core::outcome<image_header>(not_an_image());
  }();
  if (h.ok() && (h->width <= 0 || h->height <= 0)) return not_an_image();
  return h;
}

core::status check_whole(const image_header& h, std::string_view bytes) {
  switch (h.kind) {
    case image_kind::jpeg: return core::done{};
    case image_kind::png: return check_png(bytes);
    case image_kind::webp: return check_webp(bytes);
    case image_kind::tiff: return check_whole_tiff(bytes);
    case image_kind::bmp: return check_bmp(h, bytes);
  }
  return not_an_image();
}

}  // namespace samovar::model
