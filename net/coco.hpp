// COCO datasets that pycocotools loads: integer ids, area and bbox from the mask, one annotation
// per instance, `size` = [height, width].
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/detections.hpp"
#include "core/images.hpp"
#include "core/ports.hpp"

namespace samovar::net {

enum class coco_shape : std::uint8_t {
  compressed,    ///< RLE with a counts string
  uncompressed,  ///< RLE with a list of counts
  polygon,       ///< outer contours; a mask too small for one falls back to compressed RLE
};

/// Whether a dataset says anything of what was asked: in find_all the text names the category, in
/// point mode the points are listed. Otherwise results need no prompts (result_store::add_prompts).
constexpr bool shows_prompts(core::segmentation_mode mode) {
  return mode != core::segmentation_mode::inside_box;
}

/// Builds a dataset image by image, so that it can be streamed: `head`, then `annotations_of` for
/// each image in any number, then `tail` with what was gathered (the image entries and categories).
class coco_writer {
 public:
  coco_writer(core::image_codec& codec, coco_shape shape) : codec_(codec), shape_(shape) {}

  std::string head() const;
  /// JSON text of the image's annotations, with a leading comma where one is needed; "" when the
  /// result holds none.
  std::string annotations_of(const core::image& image, const core::processing_result& result);
  std::string tail() const;

 private:
  std::int64_t category_id(const std::string& name);

  core::image_codec& codec_;
  coco_shape shape_;
  std::string images_;  ///< entries so far, comma separated
  std::vector<std::string> categories_;
  std::unordered_map<std::string, std::int64_t> category_ids_;
  std::int64_t image_count_ = 0;
  std::int64_t annotation_count_ = 0;
};

/// The dataset of one result.
std::string coco_json(core::image_codec& codec, coco_shape shape, const core::image& image,
                      const core::processing_result& result);

}  // namespace samovar::net
