// Every object of the exemplars' kind: matches, each refined like a box and looked at again.
#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "model/classical_parts.hpp"
#include "model/descriptor.hpp"

namespace samovar::model {

namespace {

constexpr int hit_side_px = 128;     // there may be hundreds, so each is sought at a small size
constexpr double same_object = 0.5;  // overlap of masks' extents
constexpr double sure_alike = 0.75;
constexpr double sure_match = 0.86;
constexpr double score_least = 0.40;
constexpr double straggler_share = 0.55;
constexpr double color_scale = 40.0;  // Lab units (8-bit)

core::box grown(const core::box& b, double share) {
  const int dx = std::max(1, static_cast<int>(std::lround(b.width * share)));
  const int dy = std::max(1, static_cast<int>(std::lround(b.height * share)));
  return {b.x - dx, b.y - dy, b.width + 2 * dx, b.height + 2 * dy};
}

/// An object's own colours and shape, its surroundings left out.
struct portrait {
  core::box extent;  ///< px in the image; empty when the object is
  cv::Vec3d color;   ///< mean Lab
  silhouette shape;
};

portrait portray(const cv::Mat& bgr, const found_object& object) {
  portrait p;
  const cv::Rect in_place = object.mask.empty() ? cv::Rect() : cv::boundingRect(object.mask);
  if (in_place.empty()) return p;
  const cv::Rect r = in_place + object.place.tl();
  p.extent = {r.x, r.y, r.width, r.height};
  cv::Mat lab;
  cv::cvtColor(bgr(r), lab, cv::COLOR_BGR2Lab);
  const auto mean = cv::mean(lab, object.mask(in_place));
  p.color = {mean[0], mean[1], mean[2]};
  p.shape = silhouette_of(object.mask(in_place));
  return p;
}

/// Lightness counts half: it varies with the lighting.
double color_likeness(const portrait& a, const portrait& b) {
  const cv::Vec3d d = a.color - b.color;
  return std::exp(-std::hypot(0.5 * d[0], d[1], d[2]) / color_scale);
}

double likeness(const portrait& p, const std::vector<portrait>& wanted) {
  double best = 0;
  for (const auto& w : wanted)
    if (w.extent.width > 0)
      best = std::max(best, similarity(p.shape, w.shape) * color_likeness(p, w));
  return best;
}

/// The exemplar's own mask laid over a match, its boundary moved to the edges there. Where the
/// surroundings hold the object's colours too, as on a chessboard, this is what can be known.
found_object project(const cv::Mat& bgr, const core::box& area, const found_object& exemplar) {
  found_object f;
  const cv::Rect spot =
      cv::Rect(area.x, area.y, area.width, area.height) & cv::Rect({}, bgr.size());
  const cv::Rect in_place = exemplar.mask.empty() ? cv::Rect() : cv::boundingRect(exemplar.mask);
  if (spot.empty() || in_place.empty()) return f;
  const int margin = 4;
  f.place = cv::Rect(spot.x - margin, spot.y - margin, spot.width + 2 * margin,
                     spot.height + 2 * margin) &
            cv::Rect({}, bgr.size());
  cv::Mat laid;
  cv::resize(exemplar.mask(in_place), laid, spot.size(), 0, 0, cv::INTER_LINEAR);
  f.mask = cv::Mat::zeros(f.place.size(), CV_8UC1);
  cv::Mat target = f.mask(spot - f.place.tl());
  target.setTo(255, laid > 127);
  f.mask = refine_boundary(bgr(f.place), f.mask, 2);
  f.score = 0.7;
  return f;
}

/// A hit with all that speaks for it.
struct hit {
  found_object object;
  portrait self;
  double score = 0.0;
};

hit look_again(const cv::Mat& bgr, const match& m, const std::vector<found_object>& exemplars,
               const std::vector<portrait>& wanted, const core::cancel_token& cancel) {
  hit h;
  h.object = segment_box(bgr, grown(m.area, 0.06), {hit_side_px}, cancel);
  h.self = portray(bgr, h.object);
  double alike = likeness(h.self, wanted);
  if (alike < sure_alike && m.score >= sure_match) {
    for (const auto& e : exemplars) {
      auto laid = project(bgr, m.area, e);
      const auto self = portray(bgr, laid);
      if (const double l = likeness(self, wanted); l > alike) {
        alike = l;
        h = {std::move(laid), self, 0.0};
      }
    }
  }
  h.score = m.score * alike;
  return h;
}

/// What is far below the others is of another kind.
void drop_stragglers(std::vector<hit>& hits) {
  if (hits.empty()) return;
  std::vector<double> scores;
  for (const auto& h : hits) scores.push_back(h.score);
  const auto middle = scores.begin() + static_cast<std::ptrdiff_t>(scores.size() / 2);
  std::nth_element(scores.begin(), middle, scores.end());
  const double least = std::max(score_least, straggler_share * *middle);
  std::erase_if(hits, [&](const hit& h) { return h.score < least; });
}

}  // namespace

std::vector<found_object> find_all(const cv::Mat& bgr, const std::vector<core::box>& positive,
                                   const std::vector<core::box>& negative,
                                   const core::cancel_token& cancel) {
  std::vector<found_object> exemplars;
  std::vector<portrait> wanted;
  std::vector<hit> hits;
  for (const auto& b : positive) {
    exemplars.push_back(segment_box(bgr, b, {hit_side_px}, cancel));
    wanted.push_back(portray(bgr, exemplars.back()));
    hits.push_back({exemplars.back(), wanted.back(), 1.0});
  }
  for (const auto& m : find_matches(bgr, positive, negative, cancel)) {
    if (cancel.cancelled()) break;
    hits.push_back(look_again(bgr, m, exemplars, wanted, cancel));
  }
  drop_stragglers(hits);
  std::stable_sort(hits.begin(), hits.end(),
                   [](const hit& a, const hit& b) { return a.score > b.score; });
  std::vector<found_object> out;
  std::vector<core::box> extents;
  for (auto& h : hits) {
    const auto& e = h.self.extent;
    if (e.width == 0 || std::any_of(extents.begin(), extents.end(), [&](const core::box& k) {
          return core::box_iou(k, e) > same_object;
        }))
      continue;
    extents.push_back(e);
    h.object.score = std::clamp(0.2 * h.object.score + 0.78 * std::sqrt(h.score), 0.0, 1.0);
    out.push_back(std::move(h.object));
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.score > b.score; });
  return out;
}

}  // namespace samovar::model
