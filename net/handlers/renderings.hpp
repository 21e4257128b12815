// What is drawn on first request and kept in the blob store: thumbnails and mask PNGs. Every one
// can be dropped at any time and is made again.
#pragma once

#include <string>

#include "net/handlers/support.hpp"

namespace samovar::net {

inline constexpr int thumbnail_px_default = 256;

/// JPEG with a longer side of at most `side_px`. Only the usual sizes are kept in the blob store,
/// so that deleting an image can remove them all.
std::string thumbnail_of(services& s, const core::image& i, int side_px);
void remove_thumbnails(services& s, core::user_id user, core::image_id image);

/// 8-bit PNG: 255 where any instance is.
std::string combined_mask(services& s, const core::processing_result& r, core::size image);
std::string instance_mask(services& s, const core::processing_result& r, std::size_t instance);
/// 8-bit PNG of labels: 0 is background, instance k (from 0) is k+1; where instances overlap the
/// earlier one is on top. 422 with more than 255 instances.
std::string indexed_mask(services& s, const core::processing_result& r, core::size image);

/// Size of the masks: the detections' own, else the image's.
core::size mask_size(services& s, const core::processing_result& r);

}  // namespace samovar::net
