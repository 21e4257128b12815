// TIFF 6.0's first image file directory, and EXIF, which is a TIFF in a nutshell.
#include <algorithm>
#include <functional>

#include "model/header.hpp"

namespace samovar::model {

using core::error_code;
using core::make_error;

namespace {

enum tag : std::uint32_t {
  image_width = 256,
  image_length = 257,
  bits_per_sample = 258,
  photometric = 262,
  strip_offsets = 273,
  orientation = 274,
  strip_byte_counts = 279,
  tile_offsets = 324,
  tile_byte_counts = 325,
  sample_format = 339
};

constexpr std::uint32_t entries_max = 4096;  // directories of real files hold a few dozen

struct entry {
  std::uint32_t tag = 0;
  std::uint32_t type = 0;
  std::uint32_t count = 0;
  std::uint64_t value_at = 0;  ///< where the values lie
};

std::uint32_t type_bytes(std::uint32_t type) {
  switch (type) {
    case 3:
    case 8: return 2;
    case 4:
    case 9:
    case 11: return 4;
    case 5:
    case 10:
    case 12: return 8;
    default: return 1;
  }
}

std::uint32_t value_of(const byte_reader& in, const entry& e, std::uint32_t i) {
  const auto size = type_bytes(e.type);
  const auto at = e.value_at + std::uint64_t{i} * size;
  return size == 2 ? in.u16(at) : size == 4 ? in.u32(at) : in.u8(at);
}

/// False when the directory is not within the bytes.
bool for_each_entry(const byte_reader& in, const std::function<void(const entry&)>& visit) {
  const std::uint64_t directory = in.u32(4);
  if (directory < 8 || !in.has(directory, 2)) return false;
  const auto count = in.u16(directory);
  if (count > entries_max || !in.has(directory + 2, std::uint64_t{count} * 12)) return false;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto at = directory + 2 + std::uint64_t{i} * 12;
    entry e{in.u16(at), in.u16(at + 2), in.u32(at + 4), at + 8};
    if (std::uint64_t{e.count} * type_bytes(e.type) > 4) e.value_at = in.u32(at + 8);
    visit(e);
  }
  return true;
}

std::optional<byte_reader> open_tiff(std::string_view bytes) {
  if (bytes.starts_with(std::string_view("II*\0", 4))) return byte_reader{bytes, false};
  if (bytes.starts_with(std::string_view("MM\0*", 4))) return byte_reader{bytes, true};
  return std::nullopt;
}

int clean_orientation(std::uint32_t v) { return v >= 1 && v <= 8 ? static_cast<int>(v) : 1; }

}  // namespace

int exif_orientation(std::string_view exif) {
  const auto in = open_tiff(exif);
  if (!in) return 1;
  int found = 1;
  for_each_entry(*in, [&](const entry& e) {
    if (e.tag == tag::orientation) found = clean_orientation(value_of(*in, e, 0));
  });
  return found;
}

core::outcome<image_header> read_tiff_header(std::string_view bytes) {
  const auto in = open_tiff(bytes);
  if (!in) return not_an_image();
  image_header h{image_kind::tiff};
  h.big_endian = in->big_endian;
  std::uint32_t color = 1, bits = 1, format = 1;
  const bool found = for_each_entry(*in, [&](const entry& e) {
    const auto v = value_of(*in, e, 0);
    switch (e.tag) {  // of a repeated size the larger counts: readers differ in which they take
      case tag::image_width: h.width = std::max<std::int64_t>(h.width, v); break;
      case tag::image_length: h.height = std::max<std::int64_t>(h.height, v); break;
      case tag::bits_per_sample: bits = v; break;
      case tag::photometric: color = v; break;
      case tag::sample_format: format = v; break;
      case tag::orientation:
        h.orientation = clean_orientation(v);
        if (in->has(e.value_at, 2)) h.orientation_at = e.value_at;
        break;
      default: break;
    }
  });
  if (!found) return truncated("TIFF");
  if (color > 3 && color != 6)
    return make_error(error_code::unsupported_image,
                      "This TIFF's colour space is not handled; save it as RGB or grey.");
  if (bits > 16 || format != 1)
    return make_error(error_code::unsupported_image,
                      "This TIFF's sample type is not handled; save it with 8 or 16 bits.");
  return h;
}

core::status check_whole_tiff(std::string_view bytes) {
  const auto in = open_tiff(bytes);
  if (!in) return not_an_image();
  std::optional<entry> offsets, counts;
  const bool found = for_each_entry(*in, [&](const entry& e) {
    if (e.tag == tag::strip_offsets || e.tag == tag::tile_offsets) offsets = e;
    if (e.tag == tag::strip_byte_counts || e.tag == tag::tile_byte_counts) counts = e;
  });
  if (!found || !offsets || !counts || offsets->count == 0 || offsets->count != counts->count)
    return truncated("TIFF");
  for (const auto& e : {*offsets, *counts})
    if (!in->has(e.value_at, std::uint64_t{e.count} * type_bytes(e.type))) return truncated("TIFF");
  for (std::uint32_t i = 0; i < offsets->count; ++i)
    if (!in->has(value_of(*in, *offsets, i), value_of(*in, *counts, i))) return truncated("TIFF");
  return core::done{};
}

}  // namespace samovar::model
