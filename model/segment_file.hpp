// Boxes and a text on one image file, for the command line.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/ports.hpp"

namespace samovar::model {

/// Decodes and encodes `file` once; a mask for each of `areas` (px after orientation), then every
/// instance of `text` unless that is empty. Errors are the codec's, check_box's and the
/// segmenter's; not_found when the file can't be read.
core::outcome<std::vector<core::detection>> segment_file(const std::filesystem::path& file,
                                                         const std::vector<core::box>& areas,
                                                         const std::string& text,
                                                         core::segmenter& segmenter,
                                                         core::image_codec& codec);

}  // namespace samovar::model
