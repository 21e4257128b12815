// Walks the images of an export with their newest results, which are read some hundred at a time.
#pragma once

#include <optional>
#include <utility>

#include "net/handlers/support.hpp"

namespace samovar::net {

/// Reads `mode` and `image_ids` (all images without it, oldest first). 422 for malformed ids, 400
/// when none of the named images is the user's.
class export_walk {
 public:
  /// `with_prompts`: the results shall say what was asked, where renderings of the mode show it.
  export_walk(services& s, const request& r, bool with_prompts);

  core::segmentation_mode mode() const noexcept { return mode_; }
  /// The next image that has a result; nullopt at the end. Blocks.
  std::optional<std::pair<core::image, core::processing_result>> next();

 private:
  bool turn_page();
  void read_results();

  services& s_;
  core::user_id actor_;
  core::segmentation_mode mode_;
  bool with_prompts_;
  std::vector<core::processing_result> results_;  ///< of images from at_ on, in their order
  std::size_t result_at_ = 0;
  core::page<core::image> page_;
  std::size_t at_ = 0;    ///< the next image of the page
  std::size_t read_ = 0;  ///< images of the page whose results were read
};

/// The filename up to its last dot; "image" when nothing stands before it.
std::string stem_of(const core::image& i);
/// A streamed download. `next` is a body source.
reply download(body_source next, const std::string& content_type, const std::string& filename);

}  // namespace samovar::net
