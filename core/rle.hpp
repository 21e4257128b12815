// COCO run-length encoding of binary masks: column-major runs, zeros first; counts uncompressed or
// in COCO's compressed string (pycocotools maskApi.c, rleToString / rleFrString).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/geometry.hpp"

namespace samovar::core {

/// A mask of `height` x `width`. Invariant: the counts sum to height*width; the first count is the
/// number of leading zeros (0 when the first pixel is set); no other count is 0.
struct rle {
  std::int32_t height = 0;
  std::int32_t width = 0;
  std::vector<std::uint32_t> counts;
  friend bool operator==(const rle&, const rle&) = default;
};

/// `pixels` is row-major, height*width bytes with `stride` bytes per row; non-zero means set.
/// Precondition: pixels.size() >= (height-1)*stride + width.
rle encode_rle(std::span<const std::uint8_t> pixels, std::int32_t height, std::int32_t width,
               std::size_t stride);
/// Row-major bytes, `on` where set and 0 elsewhere.
std::vector<std::uint8_t> decode_rle(const rle& mask, std::uint8_t on = 255);
/// Writes `on` into `pixels` (row-major, tightly packed) where the mask is set; leaves the rest.
void paint_rle(const rle& mask, std::uint8_t on, std::span<std::uint8_t> pixels);

std::uint64_t rle_area(const rle& mask);
/// Tight box of the set pixels; {0,0,0,0} when empty.
box rle_bounds(const rle& mask);
/// Union of masks of one size. Precondition: all sizes equal; `masks` not empty.
rle rle_union(std::span<const rle> masks);

/// COCO's compressed string.
std::string to_coco_string(const rle& mask);
/// nullopt when the text is not a valid string for this size (bad characters, overflow, wrong sum).
std::optional<rle> from_coco_string(std::string_view text, std::int32_t height, std::int32_t width);
/// Checks uncompressed counts against the size; a non-leading zero run is merged away.
std::optional<rle> from_counts(std::span<const std::uint32_t> counts, std::int32_t height,
                               std::int32_t width);

}  // namespace samovar::core
