// What every way of finding a mask ends with: holes, confidence, the boundary at full resolution.
#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "model/classical_parts.hpp"
#include "model/color_model.hpp"

namespace samovar::model {

void fill_holes(cv::Mat& mask, const cv::Mat& front_bias, double area_max) {
  cv::Mat labels, stats, centers;
  const cv::Mat empty = mask == 0;
  const int n = cv::connectedComponentsWithStats(empty, labels, stats, centers, 4);
  for (int i = 1; i < n; ++i) {
    const cv::Rect r(stats.at<int>(i, cv::CC_STAT_LEFT), stats.at<int>(i, cv::CC_STAT_TOP),
                     stats.at<int>(i, cv::CC_STAT_WIDTH), stats.at<int>(i, cv::CC_STAT_HEIGHT));
    if (r.x == 0 || r.y == 0 || r.br().x == mask.cols || r.br().y == mask.rows) continue;
    const cv::Mat hole = labels(r) == i;
    const double area = stats.at<int>(i, cv::CC_STAT_AREA);
    const double evidence = front_bias.empty() ? -1e9 : cv::mean(front_bias(r), hole)[0];
    if (area <= area_max || evidence > -1.0 || (area <= 8 * area_max && evidence > -4.0))
      mask(r).setTo(255, hole);
  }
}

double mask_score(const cv::Mat& mask, const cv::Mat& front_bias, const cv::Mat& where) {
  const cv::Mat behind = ~mask & where;
  const int inside = cv::countNonZero(mask), outside = cv::countNonZero(behind);
  if (inside == 0) return 0.0;
  const double in = std::tanh(std::max(0.0, cv::mean(front_bias, mask)[0]) / 4.0);
  const double out =
      outside == 0 ? in : std::tanh(std::max(0.0, -cv::mean(front_bias, behind)[0]) / 4.0);
  return std::clamp(0.35 + 0.35 * in + 0.28 * out, 0.05, 0.98);
}

cv::Mat refine_boundary(const cv::Mat& bgr, const cv::Mat& coarse, int band_px) {
  const cv::Mat disc =
      cv::getStructuringElement(cv::MORPH_ELLIPSE, {2 * band_px + 1, 2 * band_px + 1});
  cv::Mat core_part, reach, lab;
  cv::erode(coarse, core_part, disc);
  cv::dilate(coarse, reach, disc);
  cv::Mat seeds(coarse.size(), CV_8UC1, cv::Scalar(seed::open));
  seeds.setTo(seed::surely_back, reach == 0);
  seeds.setTo(seed::surely_front, core_part);
  const cv::Mat band = seeds == seed::open;
  if (cv::countNonZero(band) == 0) return coarse;
  cv::Mat wide, near_front, near_back;
  cv::dilate(band, wide, disc);
  cv::cvtColor(bgr, lab, cv::COLOR_BGR2Lab);
  near_front = coarse & wide;
  near_back = ~coarse & wide;
  color_mixture front, back;
  if (!front.fit(lab, near_front, 6) || !back.fit(lab, near_back, 6)) return coarse;
  cv::Mat evidence = log_ratio(lab, band, front, back, 6.0F);
  // The coarse boundary itself is evidence: strong at the band's rims, none in its middle.
  cv::Mat to_front, to_back;
  cv::distanceTransform(coarse, to_front, cv::DIST_L2, 3);
  cv::distanceTransform(~coarse, to_back, cv::DIST_L2, 3);
  evidence += (to_front - to_back) * (3.0 / band_px);
  return cut(lab, evidence, seeds, 10.0F);
}

namespace {

constexpr std::size_t strip_pixels = 4'000'000;  // bounds the memory of a refinement

/// refine_boundary in strips of rows that overlap by more than the band reaches.
cv::Mat refine_in_strips(const cv::Mat& bgr, const cv::Mat& coarse, int band_px,
                         const core::cancel_token& cancel) {
  if (bgr.total() <= strip_pixels) return refine_boundary(bgr, coarse, band_px);
  const int rows =
      std::max(64, static_cast<int>(strip_pixels / static_cast<std::size_t>(bgr.cols)));
  const int overlap = 4 * band_px;
  cv::Mat out = coarse.clone();
  for (int y = 0; y < bgr.rows && !cancel.cancelled(); y += rows) {
    const cv::Range own(y, std::min(bgr.rows, y + rows));
    const cv::Range seen(std::max(0, own.start - overlap), std::min(bgr.rows, own.end + overlap));
    const cv::Mat strip = refine_boundary(bgr.rowRange(seen), coarse.rowRange(seen), band_px);
    strip.rowRange(own.start - seen.start, own.end - seen.start).copyTo(out.rowRange(own));
  }
  return out;
}

}  // namespace

cv::Mat upsample(const cv::Mat& bgr, const cv::Mat& small, const core::cancel_token& cancel) {
  // At most fourfold per level, so that the band the cut looks at stays narrow at every size.
  cv::Mat mask = small;
  while (mask.size() != bgr.size()) {
    const double missing =
        static_cast<double>(std::max(bgr.cols, bgr.rows)) / std::max(mask.cols, mask.rows);
    const bool last = missing <= 4.5;
    const double factor = last ? missing : std::sqrt(missing) <= 4.5 ? std::sqrt(missing) : 4.0;
    const cv::Size size =
        last ? bgr.size() : cv::Size(cvRound(mask.cols * factor), cvRound(mask.rows * factor));
    cv::Mat level = bgr;
    if (!last) cv::resize(bgr, level, size, 0, 0, cv::INTER_AREA);
    cv::Mat larger;
    cv::resize(mask, larger, size, 0, 0, cv::INTER_LINEAR);
    mask = larger > 127;
    if (!cancel.cancelled())
      mask = refine_in_strips(level, mask, std::max(2, cvCeil(1.5 * factor)), cancel);
  }
  return mask;
}

}  // namespace samovar::model
