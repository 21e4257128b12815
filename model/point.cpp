// One object under a set of points.
//
// Geodesic distance from the positive points (colour steps are its length) orders the pixels into
// nested regions; of these the one with the strongest rim is the start of colour mixtures and cuts.
#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <queue>

#include "model/classical_parts.hpp"
#include "model/color_model.hpp"

namespace samovar::model {

namespace {

constexpr int work_side = 320;
constexpr int iterations = 3;
constexpr float step_cost = 0.6F;  // per px, in Lab units: distance counts where colour is even
constexpr float never = 1e9F;

float color_step(const cv::Mat& lab, cv::Point a, cv::Point b) {
  return static_cast<float>(
      cv::norm(cv::Vec3f(lab.at<cv::Vec3b>(a)) - cv::Vec3f(lab.at<cv::Vec3b>(b))));
}

cv::Mat geodesic(const cv::Mat& lab, const std::vector<cv::Point>& from) {
  cv::Mat distance(lab.size(), CV_32F, cv::Scalar(never));
  using item = std::pair<float, int>;
  std::priority_queue<item, std::vector<item>, std::greater<>> open;
  const auto push = [&](cv::Point p, float d) {
    if (d >= distance.at<float>(p)) return;
    distance.at<float>(p) = d;
    open.emplace(d, p.y * lab.cols + p.x);
  };
  for (const auto& p : from) push(p, 0.0F);
  while (!open.empty()) {
    const auto [d, i] = open.top();
    open.pop();
    const cv::Point p(i % lab.cols, i / lab.cols);
    if (d > distance.at<float>(p)) continue;
    for (const auto& o : std::array<cv::Point, 4>{{{1, 0}, {-1, 0}, {0, 1}, {0, -1}}}) {
      const cv::Point q = p + o;
      if (cv::Rect({}, lab.size()).contains(q)) push(q, d + step_cost + color_step(lab, p, q));
    }
  }
  return distance;
}

/// Mean colour step across the rim of {distance <= t}; 0 for a rim that is too short to tell.
double rim_contrast(const cv::Mat& lab, const cv::Mat& distance, float t) {
  double sum = 0, n = 0;
  const auto look = [&](cv::Point p, cv::Point q) {
    if ((distance.at<float>(p) <= t) == (distance.at<float>(q) <= t)) return;
    sum += color_step(lab, p, q);
    n += 1;
  };
  for (int y = 0; y + 1 < lab.rows; ++y)
    for (int x = 0; x + 1 < lab.cols; ++x) {
      look({x, y}, {x + 1, y});
      look({x, y}, {x, y + 1});
    }
  return n < 8 ? 0.0 : sum / n;
}

cv::Mat best_region(const cv::Mat& lab, const cv::Mat& to_positive, const cv::Mat& to_negative) {
  cv::Mat reachable = to_positive.clone();
  if (!to_negative.empty()) reachable.setTo(never, to_negative < to_positive);
  std::vector<float> sorted(reachable.begin<float>(), reachable.end<float>());
  std::sort(sorted.begin(), sorted.end());
  const auto pixels = static_cast<double>(sorted.size());
  double best = -1.0;
  cv::Mat region;
  for (double share = 0.0008; share < 0.65; share *= 1.22) {
    const float t = sorted[static_cast<std::size_t>(share * (pixels - 1))];
    if (t >= never) break;
    const double contrast =
        rim_contrast(lab, reachable, t) * (1.0 + 0.1 * std::log(share / 0.0008));
    if (contrast <= best) continue;
    best = contrast;
    region = reachable <= t;
  }
  if (region.empty()) region = reachable <= 0.0F;
  return region;
}

std::vector<cv::Point> scaled_points(const std::vector<core::point_prompt>& points, bool positive,
                                     double scale, const cv::Size& image, const cv::Size& small) {
  std::vector<cv::Point> out;
  for (const auto& p : points) {
    if (p.is_positive != positive || !cv::Rect({}, image).contains({p.at.x, p.at.y})) continue;
    out.emplace_back(std::min(small.width - 1, static_cast<int>(p.at.x * scale)),
                     std::min(small.height - 1, static_cast<int>(p.at.y * scale)));
  }
  return out;
}

void keep_touched(cv::Mat& mask, const std::vector<cv::Point>& points) {
  cv::Mat labels;
  cv::connectedComponents(mask, labels, 8);
  cv::Mat kept = cv::Mat::zeros(mask.size(), CV_8UC1);
  for (const auto& p : points)
    if (const int l = labels.at<int>(p); l > 0) kept |= labels == l;
  mask = kept;
}

struct cut_result {
  cv::Mat mask;
  cv::Mat evidence;
};

cut_result cut_from(const cv::Mat& lab, const cv::Mat& region, const cv::Mat& seeds,
                    const core::cancel_token& cancel) {
  cut_result r{region.clone(), cv::Mat::zeros(lab.size(), CV_32F)};
  const cv::Mat everywhere(lab.size(), CV_8UC1, cv::Scalar(255));
  cv::Mat inside, outside;
  cv::distanceTransform(region, inside, cv::DIST_L2, 3);
  cv::distanceTransform(~region, outside, cv::DIST_L2, 3);
  // Far from the region the same colours are other objects'.
  const double reach = 4.0 + std::sqrt(cv::countNonZero(region)) / 6.0;
  cv::Mat prior = (inside - outside) * (2.5 / reach);
  cv::min(prior, 3.0, prior);
  for (int i = 0; i < iterations && !cancel.cancelled(); ++i) {
    color_mixture front, back;
    const cv::Mat behind = ~r.mask;
    if (!front.fit(lab, r.mask, 5) || !back.fit(lab, behind, 8)) break;
    r.evidence = log_ratio(lab, everywhere, front, back, 8.0F);
    const cv::Mat biased = r.evidence + prior;
    const cv::Mat next = cut(lab, biased, seeds, 14.0F);
    if (cv::countNonZero(next) == 0) break;
    r.mask = next;
  }
  return r;
}

}  // namespace

found_object segment_points(const cv::Mat& bgr, const std::vector<core::point_prompt>& points,
                            const core::cancel_token& cancel) {
  found_object found;
  found.place = cv::Rect({}, bgr.size());
  const double scale = std::min(1.0, static_cast<double>(work_side) / std::max(bgr.cols, bgr.rows));
  const cv::Size size(std::max(1, cvRound(bgr.cols * scale)),
                      std::max(1, cvRound(bgr.rows * scale)));
  cv::Mat small, lab;
  cv::resize(bgr, small, size, 0, 0, cv::INTER_AREA);
  cv::GaussianBlur(small, small, {3, 3}, 0.8);
  cv::cvtColor(small, lab, cv::COLOR_BGR2Lab);
  const auto wanted = scaled_points(points, true, scale, bgr.size(), size);
  const auto unwanted = scaled_points(points, false, scale, bgr.size(), size);
  if (wanted.empty()) return found;
  const cv::Mat to_negative = unwanted.empty() ? cv::Mat() : geodesic(lab, unwanted);
  const cv::Mat region = best_region(lab, geodesic(lab, wanted), to_negative);
  cv::Mat seeds = cv::Mat::zeros(size, CV_8UC1);
  for (const auto& p : unwanted) cv::circle(seeds, p, 2, cv::Scalar(seed::surely_back), cv::FILLED);
  for (const auto& p : wanted) cv::circle(seeds, p, 1, cv::Scalar(seed::surely_front), cv::FILLED);
  if (cancel.cancelled()) return found;
  auto r = cut_from(lab, region, seeds, cancel);
  keep_touched(r.mask, wanted);
  fill_holes(r.mask, r.evidence, std::max(4.0, cv::countNonZero(r.mask) / 200.0));
  for (const auto& p : unwanted) r.mask.at<std::uint8_t>(p) = 0;
  cv::Mat around;
  cv::dilate(r.mask, around, cv::Mat::ones(15, 15, CV_8U));
  found.score = mask_score(r.mask, r.evidence, around);
  found.mask = upsample(bgr, r.mask, cancel);
  return found;
}

}  // namespace samovar::model
