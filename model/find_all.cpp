// Every object of the exemplars' kind: matches, each refined like a box.
#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "model/classical_parts.hpp"

namespace samovar::model {

namespace {

constexpr int hit_side_px = 128;     // there may be hundreds, so each is sought at a small size
constexpr double same_object = 0.5;  // overlap of masks' extents

core::box grown(const core::box& b, double share) {
  const int dx = std::max(1, static_cast<int>(std::lround(b.width * share)));
  const int dy = std::max(1, static_cast<int>(std::lround(b.height * share)));
  return {b.x - dx, b.y - dy, b.width + 2 * dx, b.height + 2 * dy};
}

bool same(const core::box& b, const core::box& e) { return core::box_iou(b, e) > 0.85; }

}  // namespace

std::vector<found_object> find_all(const cv::Mat& bgr, const std::vector<core::box>& positive,
                                   const std::vector<core::box>& negative,
                                   const core::cancel_token& cancel) {
  std::vector<found_object> out;
  std::vector<core::box> extents;
  for (const auto& m : find_matches(bgr, positive, negative, cancel)) {
    if (cancel.cancelled()) break;
    core::box area = grown(m.area, 0.06);
    for (const auto& e : positive)
      if (same(m.area, e)) area = e;
    auto object = segment_box(bgr, area, {hit_side_px}, cancel);
    const cv::Rect in_place = object.mask.empty() ? cv::Rect() : cv::boundingRect(object.mask);
    if (in_place.empty()) continue;
    const core::box extent{object.place.x + in_place.x, object.place.y + in_place.y, in_place.width,
                           in_place.height};
    if (std::any_of(extents.begin(), extents.end(),
                    [&](const core::box& b) { return core::box_iou(b, extent) > same_object; }))
      continue;
    extents.push_back(extent);
    object.score = std::clamp(0.75 * m.score + 0.25 * object.score, 0.0, 1.0);
    out.push_back(std::move(object));
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.score > b.score; });
  return out;
}

}  // namespace samovar::model
