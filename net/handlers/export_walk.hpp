// Walks the images of an export with their newest results, a page at a time.
#pragma once

#include <optional>
#include <utility>

#include "net/handlers/support.hpp"

namespace samovar::net {

/// Reads `mode` and `image_ids` (all images without it, oldest first). 422 for malformed ids, 400
/// when none of the named images is the user's.
class export_walk {
 public:
  export_walk(services& s, const request& r);

  core::segmentation_mode mode() const noexcept { return mode_; }
  /// The next image that has a result; nullopt at the end. Blocks.
  std::optional<std::pair<core::image, core::processing_result>> next();

 private:
  bool turn_page();

  services& s_;
  core::user_id actor_;
  core::segmentation_mode mode_;
  core::page<core::image> page_;
  std::size_t at_ = 0;
};

/// The filename up to its last dot; "image" when nothing stands before it.
std::string stem_of(const core::image& i);
/// A streamed download. `next` is a body source.
reply download(body_source next, const std::string& content_type, const std::string& filename);

}  // namespace samovar::net
