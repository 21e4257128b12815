// Detections out of what the single-user application wrote.
//
// Its COCO files hold uncompressed run lengths that are inverted when the mask's first pixel is
// foreground: the list then begins with two zeros, one too many. Areas and boxes are not taken from
// the file (in box mode `bbox` is the prompt); they follow from the mask. Scores are absent: 1.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/detections.hpp"
#include "core/images.hpp"

namespace samovar::storage {

/// One mask of height x width; nullopt when the counts don't fill it.
std::optional<core::rle> import_counts(std::vector<std::uint32_t> counts, std::int32_t height,
                                       std::int32_t width);

/// The detections of one result, in the file's order. nullopt when the text is not such a file or
/// speaks of another image.
std::optional<std::vector<core::detection>> import_coco(std::string_view json,
                                                        core::image_id image);

/// The union mask as at most one detection: none when nothing is set, or for the 1x1 picture that
/// stands for "nothing was found".
std::vector<core::detection> import_union_mask(const core::pixels& mask);

}  // namespace samovar::storage
