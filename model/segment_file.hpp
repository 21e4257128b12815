// One box on one image file, for the command line.
#pragma once

#include <filesystem>

#include "core/ports.hpp"

namespace samovar::model {

/// Decodes `file` and asks for the mask inside `area` (px after orientation). Errors are the
/// codec's, check_box's and the segmenter's; not_found when the file can't be read.
core::outcome<std::vector<core::detection>> segment_file(const std::filesystem::path& file,
                                                         const core::box& area,
                                                         core::segmenter& segmenter,
                                                         core::image_codec& codec);

}  // namespace samovar::model
