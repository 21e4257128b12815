// One object inside a box.
//
// The box and its surroundings are shrunk to a bounded size; what lies outside the box is surely
// background. Colour mixtures and a cut are iterated as in Rother, Kolmogorov and Blake, "GrabCut"
// (2004), with two additions: a start that tells ring-like colours inside the box from others, and
// the tightness rule of Lempitsky et al., "Image segmentation with a bounding box prior" (2009): an
// object drawn around by a person nearly touches all four sides, so a cut that does not is tried
// again with a bias. The boundary is then followed at full resolution in a narrow band.
#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "model/classical_parts.hpp"
#include "model/color_model.hpp"

namespace samovar::model {

namespace {

constexpr int iterations = 4;
constexpr float evidence_max = 12.0F;
constexpr float gamma = 8.0F;
constexpr int tiny_side = 4;  // px: nothing to model below this

cv::Rect clip(const core::box& b, const cv::Size& image) {
  const auto cap = [](std::int64_t v, int max) {
    return static_cast<int>(std::clamp<std::int64_t>(v, 0, max));
  };
  const int x0 = cap(b.x, image.width), y0 = cap(b.y, image.height);
  const int x1 = cap(std::int64_t{b.x} + b.width, image.width);
  const int y1 = cap(std::int64_t{b.y} + b.height, image.height);
  return x1 > x0 && y1 > y0 ? cv::Rect(x0, y0, x1 - x0, y1 - y0) : cv::Rect();
}

cv::Rect with_margin(const cv::Rect& r, const cv::Size& image) {
  const int mx = std::max(6, r.width / 5), my = std::max(6, r.height / 5);
  return cv::Rect(r.x - mx, r.y - my, r.width + 2 * mx, r.height + 2 * my) & cv::Rect({}, image);
}

/// The scaled scene of one box.
struct scene {
  cv::Mat lab;     ///< CV_8UC3
  cv::Rect inner;  ///< the box
  cv::Mat seeds;   ///< outside the box surely_back
  cv::Mat inside;  ///< 255 inside the box
};

scene make_scene(const cv::Mat& bgr, const cv::Rect& around, const cv::Rect& box, double scale) {
  scene s;
  cv::Mat small;
  const cv::Size size(std::max(2, cvRound(around.width * scale)),
                      std::max(2, cvRound(around.height * scale)));
  cv::resize(bgr(around), small, size, 0, 0, scale < 1 ? cv::INTER_AREA : cv::INTER_LINEAR);
  cv::cvtColor(small, s.lab, cv::COLOR_BGR2Lab);
  const int x0 = cvRound((box.x - around.x) * scale), y0 = cvRound((box.y - around.y) * scale);
  const int x1 = cvRound((box.x + box.width - around.x) * scale);
  const int y1 = cvRound((box.y + box.height - around.y) * scale);
  s.inner = cv::Rect(x0, y0, std::max(1, x1 - x0), std::max(1, y1 - y0)) & cv::Rect({}, size);
  s.seeds = cv::Mat(size, CV_8UC1, cv::Scalar(seed::surely_back));
  s.seeds(s.inner).setTo(seed::open);
  s.inside = s.seeds == seed::open;
  return s;
}

/// Where the background's colours are learnt: outside the box, or along its border where the box
/// leaves nothing outside.
cv::Mat background_samples(const scene& s) {
  cv::Mat ring = s.seeds == seed::surely_back;
  const int enough = static_cast<int>(s.seeds.total() / 20);
  if (cv::countNonZero(ring) >= enough) return ring;
  const int t = std::max(1, std::min(s.inner.width, s.inner.height) / 16);
  cv::Mat strip = s.inside.clone();
  if (s.inner.width > 2 * t && s.inner.height > 2 * t)
    strip(cv::Rect(s.inner.x + t, s.inner.y + t, s.inner.width - 2 * t, s.inner.height - 2 * t))
        .setTo(0);
  return ring | strip;
}

/// Weak expectation by place: the middle of a box belongs to the object, its corners do not.
cv::Mat place_prior(const scene& s) {
  cv::Mat prior = cv::Mat::zeros(s.lab.size(), CV_32F);
  const float cx = static_cast<float>(s.inner.x) + static_cast<float>(s.inner.width) / 2;
  const float cy = static_cast<float>(s.inner.y) + static_cast<float>(s.inner.height) / 2;
  for (int y = s.inner.y; y < s.inner.br().y; ++y)
    for (int x = s.inner.x; x < s.inner.br().x; ++x) {
      const float dx = (static_cast<float>(x) + 0.5F - cx) * 2 / static_cast<float>(s.inner.width);
      const float dy = (static_cast<float>(y) + 0.5F - cy) * 2 / static_cast<float>(s.inner.height);
      prior.at<float>(y, x) = std::clamp(1.2F - 1.2F * (dx * dx + dy * dy), -1.0F, 1.2F);
    }
  return prior;
}

cv::Mat middle_of(const scene& s, float share) {
  cv::Mat m = cv::Mat::zeros(s.lab.size(), CV_8UC1);
  cv::ellipse(m,
              cv::RotatedRect(cv::Point2f(s.inner.tl() + s.inner.br()) / 2.0F,
                              cv::Size2f(s.inner.size()) * share, 0.0F),
              cv::Scalar(255), cv::FILLED);
  return m;
}

/// First guess: inside the box, the colours that the background explains worst.
cv::Mat first_guess(const scene& s, const color_mixture& background, const cv::Mat& outside) {
  std::vector<float> costs;
  cv::Mat cost(s.lab.size(), CV_32F);
  for (int y = 0; y < s.lab.rows; ++y)
    for (int x = 0; x < s.lab.cols; ++x) {
      const float c = background.cost(s.lab.at<cv::Vec3b>(y, x));
      cost.at<float>(y, x) = c;
      if (outside.at<std::uint8_t>(y, x) != 0) costs.push_back(c);
    }
  const auto nth = costs.begin() + static_cast<std::ptrdiff_t>(costs.size() * 9 / 10);
  std::nth_element(costs.begin(), nth, costs.end());
  cv::Mat guess = (cost > *nth) & s.inside;
  if (cv::countNonZero(guess) < cv::countNonZero(s.inside) / 10) guess |= middle_of(s, 0.6F);
  return guess;
}

/// Keeps the parts that matter: the largest and those not much smaller that the box does not cut
/// off (what runs on outside is a neighbour's).
void drop_crumbs(cv::Mat& mask, const cv::Rect& inner) {
  cv::Mat labels, stats, centers;
  const int n = cv::connectedComponentsWithStats(mask, labels, stats, centers, 8);
  int largest = 0, largest_at = 0;
  for (int i = 1; i < n; ++i)
    if (const int a = stats.at<int>(i, cv::CC_STAT_AREA); a > largest) largest = a, largest_at = i;
  const cv::Rect within(inner.x + 1, inner.y + 1, inner.width - 2, inner.height - 2);
  // The image's own border cuts off everything alike.
  const cv::Rect free =
      within | cv::Rect(cv::Point(inner.x == 0 ? 0 : within.x, inner.y == 0 ? 0 : within.y),
                        cv::Point(inner.br().x == mask.cols ? mask.cols : within.br().x,
                                  inner.br().y == mask.rows ? mask.rows : within.br().y));
  for (int i = 1; i < n; ++i) {
    const int area = stats.at<int>(i, cv::CC_STAT_AREA);
    if (i == largest_at) continue;
    const cv::Mat part = labels == i;
    const int cut_off = free.empty() ? 0 : area - cv::countNonZero(part(free));
    if (area * 12 < largest || cut_off * cut_off > area / 8) mask.setTo(0, part);
  }
}

/// Share of the box that the mask's extent covers, the worse of both axes.
double tightness(const cv::Mat& mask, const cv::Rect& inner) {
  const auto extent = cv::boundingRect(mask);
  return std::min(static_cast<double>(extent.width) / inner.width,
                  static_cast<double>(extent.height) / inner.height);
}

struct attempt {
  cv::Mat mask;
  cv::Mat evidence;
};

attempt iterate(const scene& s, const cv::Mat& start, const cv::Mat& outside, const cv::Mat& prior,
                float bias, int rounds, const core::cancel_token& cancel) {
  attempt a{start.clone(), cv::Mat::zeros(s.lab.size(), CV_32F)};
  for (int i = 0; i < rounds && !cancel.cancelled(); ++i) {
    color_mixture front, back;
    cv::Mat behind = (~a.mask & s.inside) | outside;
    if (!front.fit(s.lab, a.mask, 5) || !back.fit(s.lab, behind, 7)) break;
    a.evidence = log_ratio(s.lab, s.inside, front, back, evidence_max);
    cv::Mat biased = a.evidence + prior + bias;
    cv::Mat next = cut(s.lab, biased, s.seeds, gamma);
    if (cv::countNonZero(next) == 0) break;
    const bool settled = cv::countNonZero(next != a.mask) * 1000 < cv::countNonZero(s.inside);
    a.mask = next;
    if (settled) break;
  }
  return a;
}

/// Brings back lost parts of an object that does not reach the box's sides.
void tighten(const scene& s, const cv::Mat& outside, const cv::Mat& start, const cv::Mat& prior,
             attempt& best, const core::cancel_token& cancel) {
  double best_fit = tightness(best.mask, s.inner);
  for (const float bias : {1.5F, 4.0F}) {
    if (best_fit >= 0.85 || cancel.cancelled()) break;
    attempt again = iterate(s, start | best.mask, outside, prior, bias, 2, cancel);
    drop_crumbs(again.mask, s.inner);
    const double fit = tightness(again.mask, s.inner);
    // The bias must not flood the box.
    const int before = cv::countNonZero(best.mask), after = cv::countNonZero(again.mask);
    const bool flooded = after > 0.93 * s.inner.area() || (best_fit > 0.6 && after > 1.8 * before);
    if (fit > best_fit + 0.05 && !flooded) {
      best = again;
      best_fit = fit;
    }
  }
}

/// Share of a mask that is not its own rim: next to nothing for a mask made of edges only.
double solidity(const cv::Mat& mask) {
  cv::Mat core_part;
  cv::erode(mask, core_part, cv::Mat::ones(3, 3, CV_8U));
  return static_cast<double>(cv::countNonZero(core_part)) / std::max(1, cv::countNonZero(mask));
}

/// Mean colour step across a mask's boundary, measured two pixels apart.
double rim_contrast(const cv::Mat& lab, const cv::Mat& mask) {
  double sum = 0, n = 0;
  for (int y = 1; y + 2 < lab.rows; ++y)
    for (int x = 1; x + 2 < lab.cols; ++x)
      for (const auto& d : {cv::Point(1, 0), cv::Point(0, 1)}) {
        const cv::Point p(x, y);
        if (mask.at<std::uint8_t>(p) == mask.at<std::uint8_t>(p + d)) continue;
        sum +=
            cv::norm(cv::Vec3f(lab.at<cv::Vec3b>(p - d)) - cv::Vec3f(lab.at<cv::Vec3b>(p + 2 * d)));
        n += 1;
      }
  return n > 0 ? sum / n : 0.0;
}

double plausibility(const scene& s, const attempt& a) {
  return rim_contrast(s.lab, a.mask) * tightness(a.mask, s.inner) * (0.1 + solidity(a.mask));
}

attempt seek(const scene& s, const core::cancel_token& cancel) {
  const cv::Mat outside = background_samples(s);
  color_mixture background;
  background.fit(s.lab, outside, 7);
  const cv::Mat start = first_guess(s, background, outside);
  const cv::Mat prior = place_prior(s);
  attempt best = iterate(s, start, outside, prior, 0.0F, iterations, cancel);
  drop_crumbs(best.mask, s.inner);
  if (solidity(best.mask) < 0.4) {
    // The surroundings hold the object's colours too, so only its edges stood out: start from the
    // middle of the box instead.
    attempt middle = iterate(s, middle_of(s, 0.75F), outside, prior, 0.0F, iterations, cancel);
    drop_crumbs(middle.mask, s.inner);
    if (plausibility(s, middle) > plausibility(s, best)) best = middle;
  }
  tighten(s, outside, start, prior, best, cancel);
  return best;
}

}  // namespace

found_object segment_box(const cv::Mat& bgr, const core::box& box, const box_options& options,
                         const core::cancel_token& cancel) {
  found_object found;
  found.place = clip(box, bgr.size());
  if (found.place.empty()) return found;
  if (std::min(found.place.width, found.place.height) < tiny_side) {
    found.mask = cv::Mat(found.place.size(), CV_8UC1, cv::Scalar(255));
    found.score = 0.2;
    return found;
  }
  const cv::Rect inner = found.place;
  const cv::Rect around = with_margin(inner, bgr.size());
  const double scale = std::min(
      1.0, static_cast<double>(options.work_side_px) / std::max(around.width, around.height));
  const scene s = make_scene(bgr, around, inner, scale);
  attempt a = seek(s, cancel);
  fill_holes(a.mask, a.evidence, static_cast<double>(s.inner.area()) / 400.0);
  found.score = mask_score(a.mask, a.evidence, s.inside);
  found.score *= 0.5 + 0.5 * std::min(1.0, tightness(a.mask, s.inner) / 0.9);
  found.place = around;
  found.mask = a.mask;
  if (scale < 1.0) {
    found.mask = upsample(bgr(around), a.mask, cancel);
  }
  cv::Mat clipped = cv::Mat::zeros(found.mask.size(), CV_8UC1);
  const cv::Rect in_place(inner.tl() - around.tl(), inner.size());
  found.mask(in_place).copyTo(clipped(in_place));
  found.mask = clipped;
  if (cv::countNonZero(found.mask) == 0) found.score = 0.0;
  return found;
}

}  // namespace samovar::model
