#include "model/classical.hpp"

#include <algorithm>

#include "core/limits.hpp"
#include "model/classical_parts.hpp"

namespace samovar::model {

using core::error_code;
using core::make_error;

namespace {

constexpr auto text_needs_sam3 =
    "Text prompts need a SAM 3 model; the classical segmenter works from boxes, points and "
    "exemplars.";

struct decoded final : core::encoding {
  explicit decoded(std::shared_ptr<const core::pixels> p) : image(std::move(p)) {}
  std::size_t bytes() const override { return image->data.size(); }
  cv::Mat view() const {
    // OpenCV has no view of const bytes; nothing here writes to it.
    return {image->height, image->width, CV_8UC3, const_cast<std::uint8_t*>(image->data.data())};
  }
  std::shared_ptr<const core::pixels> image;
};

core::rle to_rle(const found_object& f, const cv::Size& image) {
  cv::Mat whole = cv::Mat::zeros(image, CV_8UC1);
  if (!f.mask.empty()) f.mask.copyTo(whole(f.place));
  return core::encode_rle({whole.data, whole.total()}, image.height, image.width,
                          static_cast<std::size_t>(image.width));
}

std::vector<core::box> boxes_of(const core::image_prompts& prompts, core::prompt_type type) {
  std::vector<core::box> out;
  for (const auto& b : prompts.boxes)
    if (b.type == type) out.push_back(b.area);
  return out;
}

class classical_segmenter final : public core::segmenter {
 public:
  std::string identity() const override { return "classical/1"; }

  core::segmenter_abilities abilities() const override { return {false, true, text_needs_sam3}; }

  core::outcome<std::shared_ptr<const core::encoding>> encode(
      std::shared_ptr<const core::pixels> image, const core::cancel_token&) override {
    if (image->width <= 0 || image->height <= 0 ||
        image->data.size() != std::size_t{3} * static_cast<std::size_t>(image->width) *
                                  static_cast<std::size_t>(image->height))
      return make_error(error_code::internal, "The image's pixels are missing.");
    return std::shared_ptr<const core::encoding>(std::make_shared<decoded>(std::move(image)));
  }

  core::outcome<std::vector<core::detection>> segment(const core::encoding& image,
                                                      core::segmentation_mode mode,
                                                      const core::image_prompts& prompts,
                                                      const core::cancel_token& cancel) override {
    auto found = segment_on_device(image, mode, prompts, cancel);
    if (!found) return found.failure();
    return found->rest();
  }

  core::outcome<core::segmented> segment_on_device(const core::encoding& image,
                                                   core::segmentation_mode mode,
                                                   const core::image_prompts& prompts,
                                                   const core::cancel_token& cancel) override {
    const cv::Mat bgr = dynamic_cast<const decoded&>(image).view();
    std::vector<found_object> found;
    switch (mode) {
      case core::segmentation_mode::inside_box:
        for (const auto& b : boxes_of(prompts, core::prompt_type::segment)) {
          if (cancel.cancelled()) break;
          found.push_back(segment_box(bgr, b, {}, cancel));
        }
        break;
      case core::segmentation_mode::point:
        found.push_back(segment_points(bgr, prompts.points, cancel));
        break;
      case core::segmentation_mode::find_all: {
        const auto positive = boxes_of(prompts, core::prompt_type::positive_exemplar);
        if (positive.empty()) return cannot_find(prompts);
        found = find_all(bgr, positive, boxes_of(prompts, core::prompt_type::negative_exemplar),
                         cancel);
        break;
      }
    }
    if (cancel.cancelled()) return make_error(error_code::unavailable, "Cancelled.");
    return core::segmented{{}, [found = std::move(found), size = bgr.size()] {
                             std::vector<core::detection> out;
                             for (const auto& f : found)
                               out.push_back(core::make_detection(to_rle(f, size), f.score));
                             return out;
                           }};
  }

 private:
  static core::error cannot_find(const core::image_prompts& prompts) {
    const bool has_text =
        prompts.text && prompts.text->find_first_not_of(" \t\r\n") != std::string::npos;
    return make_error(error_code::unsupported_prompt,
                      has_text ? text_needs_sam3
                               : "Finding all objects needs at least one positive exemplar box.");
  }
};

}  // namespace

std::unique_ptr<core::segmenter> make_classical_segmenter() {
  return std::make_unique<classical_segmenter>();
}

}  // namespace samovar::model
