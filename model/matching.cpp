// Where an image looks like its exemplars: normalised correlation of colour and gradient over
// scales and turns, and parts of the image that have the exemplars' colours, size and shape.
#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "core/limits.hpp"
#include "model/classical_parts.hpp"
#include "model/color_model.hpp"
#include "model/descriptor.hpp"

namespace samovar::model {

namespace {

constexpr double template_side = 24.0;  // px an exemplar has at working size
constexpr int work_side_max = 600;      // px
constexpr double same_turn = 0.88;      // a turned exemplar this similar needs no search of its own
constexpr int searched_max = 8;         // exemplars whose pattern is searched for
constexpr std::size_t peaks_max = 400;  // per template

struct exemplar {
  cv::Rect area;  ///< at working size
  cv::Mat mask;   ///< CV_8UC1 of the area's size
  descriptor look;
  descriptor masked;  ///< colours of the object alone
  silhouette shape;
};

struct workplace {
  double scale = 1.0;
  cv::Mat lab;       ///< CV_8UC3
  cv::Mat features;  ///< CV_32FC4: L, a, b, gradient
};

workplace make_workplace(const cv::Mat& bgr, const std::vector<core::box>& positive) {
  double side = 0;
  for (const auto& b : positive) side += std::sqrt(static_cast<double>(b.width) * b.height);
  side /= static_cast<double>(positive.size());
  workplace w;
  w.scale = std::min({template_side / std::max(4.0, side), 1.6,
                      static_cast<double>(work_side_max) / std::max(bgr.cols, bgr.rows)});
  cv::Mat small, grey, dx, dy, gradient;
  const cv::Size size(std::max(4, cvRound(bgr.cols * w.scale)),
                      std::max(4, cvRound(bgr.rows * w.scale)));
  cv::resize(bgr, small, size, 0, 0, w.scale < 1 ? cv::INTER_AREA : cv::INTER_LINEAR);
  cv::cvtColor(small, w.lab, cv::COLOR_BGR2Lab);
  cv::extractChannel(w.lab, grey, 0);
  cv::Sobel(grey, dx, CV_32F, 1, 0, 3, 0.25);
  cv::Sobel(grey, dy, CV_32F, 0, 1, 3, 0.25);
  cv::magnitude(dx, dy, gradient);
  std::vector<cv::Mat> planes;
  cv::split(w.lab, planes);
  for (auto& p : planes) p.convertTo(p, CV_32F);
  planes[1] *= 1.5;
  planes[2] *= 1.5;
  planes.push_back(gradient);
  cv::merge(planes, w.features);
  return w;
}

cv::Rect scaled(const core::box& b, double s, const cv::Size& size) {
  const cv::Rect r(cvRound(b.x * s), cvRound(b.y * s), std::max(2, cvRound(b.width * s)),
                   std::max(2, cvRound(b.height * s)));
  return r & cv::Rect({}, size);
}

std::vector<exemplar> make_exemplars(const cv::Mat& bgr, const workplace& w,
                                     const std::vector<core::box>& boxes,
                                     const core::cancel_token& cancel) {
  std::vector<exemplar> out;
  for (const auto& b : boxes) {
    exemplar e;
    e.area = scaled(b, w.scale, w.lab.size());
    if (e.area.width < 2 || e.area.height < 2) continue;
    const auto object = segment_box(bgr, b, {96}, cancel);
    if (object.mask.empty()) continue;
    cv::Mat whole = cv::Mat::zeros(bgr.size(), CV_8UC1);
    object.mask.copyTo(whole(object.place));
    cv::resize(whole, whole, w.lab.size(), 0, 0, cv::INTER_AREA);
    e.mask = whole(e.area) > 127;
    if (cv::countNonZero(e.mask) < 4) e.mask.setTo(255);
    e.look = describe(w.lab, e.area);
    e.masked = describe(w.lab, e.area, e.mask);
    e.shape = silhouette_of(e.mask);
    out.push_back(e);
  }
  return out;
}

struct candidate {
  cv::Rect area;  ///< at working size
  double score = 0.0;
  double like = -1.0;  ///< likeness to the wanted where already known
};

/// The exemplar with some context, turned about its middle and resized.
struct pattern {
  cv::Mat image;   ///< CV_32FC4
  cv::Rect inner;  ///< where the object lies in it
};

pattern turned(const workplace& w, const exemplar& e, double degrees, double size) {
  const cv::Point2f middle(static_cast<float>(e.area.x) + static_cast<float>(e.area.width) / 2,
                           static_cast<float>(e.area.y) + static_cast<float>(e.area.height) / 2);
  // The object's extent after the turn comes from its mask.
  std::vector<cv::Point2f> spots, moved;
  for (int y = 0; y < e.mask.rows; ++y)
    for (int x = 0; x < e.mask.cols; ++x)
      if (e.mask.at<std::uint8_t>(y, x) != 0)
        spots.emplace_back(static_cast<float>(x + e.area.x) + 0.5F,
                           static_cast<float>(y + e.area.y) + 0.5F);
  cv::Mat turn = cv::getRotationMatrix2D(middle, degrees, size);
  cv::transform(spots, moved, turn);
  cv::Rect2f extent;
  if (degrees == 0.0) {
    extent = {middle.x - static_cast<float>(e.area.width * size / 2),
              middle.y - static_cast<float>(e.area.height * size / 2),
              static_cast<float>(e.area.width * size), static_cast<float>(e.area.height * size)};
  } else {
    float x0 = moved[0].x, x1 = x0, y0 = moved[0].y, y1 = y0;
    for (const auto& m : moved) {
      x0 = std::min(x0, m.x), x1 = std::max(x1, m.x);
      y0 = std::min(y0, m.y), y1 = std::max(y1, m.y);
    }
    extent = {x0 - 0.5F, y0 - 0.5F, x1 - x0 + 1, y1 - y0 + 1};
  }
  const int margin = std::max(2, cvRound(0.12F * std::max(extent.width, extent.height)));
  const cv::Size inner(std::max(2, cvRound(extent.width)), std::max(2, cvRound(extent.height)));
  turn.at<double>(0, 2) += margin - extent.x;
  turn.at<double>(1, 2) += margin - extent.y;
  pattern p;
  p.inner = {{margin, margin}, inner};
  cv::warpAffine(w.features, p.image, turn, {inner.width + 2 * margin, inner.height + 2 * margin},
                 cv::INTER_LINEAR, cv::BORDER_REPLICATE);
  return p;
}

void add_peaks(const workplace& w, const pattern& p, double least, std::vector<candidate>& out) {
  cv::Mat padded, map, highest;
  const int mx = p.inner.x, my = p.inner.y;  // objects may touch the image's border
  cv::copyMakeBorder(w.features, padded, my, my, mx, mx, cv::BORDER_REPLICATE);
  if (padded.cols < p.image.cols || padded.rows < p.image.rows) return;
  cv::matchTemplate(padded, p.image, map, cv::TM_CCOEFF_NORMED);
  const cv::Size reach(std::max(3, p.inner.width / 2 | 1), std::max(3, p.inner.height / 2 | 1));
  cv::dilate(map, highest, cv::getStructuringElement(cv::MORPH_RECT, reach));
  std::vector<cv::Point> spots;
  cv::findNonZero((map >= highest) & (map > least) & (map <= 1.01), spots);
  if (spots.size() > peaks_max) spots.resize(peaks_max);
  for (const auto& s : spots)
    out.push_back({cv::Rect(s, p.inner.size()) & cv::Rect({}, w.lab.size()),
                   std::min(1.0, static_cast<double>(map.at<float>(s)))});
}

std::vector<candidate> by_correlation(const workplace& w, const exemplar& e,
                                      const core::cancel_token& cancel) {
  std::vector<candidate> out;
  const pattern upright = turned(w, e, 0, 1);
  for (int degrees = 0; degrees < 360 && !cancel.cancelled(); degrees += 45) {
    if (degrees != 0) {
      pattern p = turned(w, e, degrees, 1);
      cv::Mat same, map;
      cv::resize(p.image, same, upright.image.size());
      cv::matchTemplate(upright.image, same, map, cv::TM_CCOEFF_NORMED);
      if (map.at<float>(0, 0) > same_turn) continue;
    }
    for (const double size : {0.65, 0.8, 1.0, 1.25, 1.5})
      add_peaks(w, turned(w, e, degrees, size), 0.5, out);
  }
  return out;
}

/// Image parts of the exemplars' colours; those of about an exemplar's size and shape.
void add_by_color(const workplace& w, const std::vector<exemplar>& positive,
                  std::vector<candidate>& out) {
  cv::Mat front = cv::Mat::zeros(w.lab.size(), CV_8UC1), back = front.clone();
  for (const auto& e : positive) {
    const int m = std::max(3, std::max(e.area.width, e.area.height) / 2);
    const cv::Rect around =
        cv::Rect(e.area.x - m, e.area.y - m, e.area.width + 2 * m, e.area.height + 2 * m) &
        cv::Rect({}, w.lab.size());
    back(around).setTo(255);
  }
  for (const auto& e : positive) back(e.area).setTo(0);
  for (const auto& e : positive) {
    front(e.area) |= e.mask;
    back(e.area) |= ~e.mask & ~front(e.area);
  }
  color_mixture object, ground;
  if (!object.fit(w.lab, front, 4) || !ground.fit(w.lab, back, 4)) return;
  const cv::Mat everywhere(w.lab.size(), CV_8UC1, cv::Scalar(255));
  const cv::Mat ratio = log_ratio(w.lab, everywhere, object, ground, 8.0F);
  cv::Mat alike = ratio > 0.5;
  cv::medianBlur(alike, alike, 3);
  cv::Mat labels, stats, centers;
  const int n = cv::connectedComponentsWithStats(alike, labels, stats, centers, 4);
  for (int i = 1; i < n; ++i) {
    const cv::Rect r(stats.at<int>(i, cv::CC_STAT_LEFT), stats.at<int>(i, cv::CC_STAT_TOP),
                     stats.at<int>(i, cv::CC_STAT_WIDTH), stats.at<int>(i, cv::CC_STAT_HEIGHT));
    if (stats.at<int>(i, cv::CC_STAT_AREA) < 6) continue;
    const cv::Mat part = labels(r) == i;
    const auto look = describe(w.lab, r, part);
    const auto shape = silhouette_of(part);
    candidate best;
    for (const auto& e : positive) {
      const double like = color_similarity(look, e.masked);
      const double both = similarity(shape, e.shape) * like;
      if (both > best.score) best = {r, both, like};
    }
    if (best.score < 0.4) continue;
    best.score = std::min(0.97, 0.5 + 0.5 * best.score);
    out.push_back(best);
  }
}

double overlap(const cv::Rect& a, const cv::Rect& b) {
  const double both = (a & b).area();
  return both <= 0 ? 0.0 : both / (a.area() + b.area() - both);
}

double contained(const cv::Rect& a, const cv::Rect& b) {
  return static_cast<double>((a & b).area()) / std::max(1, std::min(a.area(), b.area()));
}

/// The best look-alike among the exemplars, 0..1.
double likeness(const descriptor& d, const std::vector<exemplar>& all) {
  double best = 0;
  for (const auto& e : all) best = std::max(best, similarity(d, e.look));
  return best;
}

}  // namespace

std::vector<match> find_matches(const cv::Mat& bgr, const std::vector<core::box>& positive,
                                const std::vector<core::box>& negative,
                                const core::cancel_token& cancel) {
  const workplace w = make_workplace(bgr, positive);
  const auto wanted = make_exemplars(bgr, w, positive, cancel);
  const auto unwanted = make_exemplars(bgr, w, negative, cancel);
  if (wanted.empty()) return {};
  std::vector<candidate> all;
  int searched = 0;
  for (const auto& e : wanted) {
    all.push_back({e.area, 2.0});  // the exemplars themselves come first
    if (++searched > searched_max) continue;
    const auto more = by_correlation(w, e, cancel);
    all.insert(all.end(), more.begin(), more.end());
  }
  add_by_color(w, wanted, all);
  // Two exemplars say how much their kind varies.
  double variety = 1.0;
  for (const auto& a : wanted)
    for (const auto& b : wanted) variety = std::min(variety, similarity(a.look, b.look));
  const double least = std::clamp(0.8 * variety, 0.40, 0.62);
  for (auto& c : all) {
    if (c.score > 1.0) continue;
    const auto look = describe(w.lab, c.area);
    const double like = c.like >= 0 ? c.like : likeness(look, wanted);
    c.score = like < least || likeness(look, unwanted) > like ? 0.0 : 0.5 * c.score + 0.5 * like;
    for (const auto& u : unwanted)
      if (overlap(c.area, u.area) > 0.3) c.score = 0.0;
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.score > b.score; });
  std::vector<candidate> kept;
  for (const auto& c : all) {
    if (c.score < 0.68 || kept.size() >= core::limits::detections_per_image_max) break;
    if (std::none_of(kept.begin(), kept.end(), [&](const auto& k) {
          return overlap(k.area, c.area) > 0.25 || contained(k.area, c.area) > 0.6;
        }))
      kept.push_back(c);
  }
  std::vector<match> out;
  for (const auto& k : kept) {
    const core::box b{cvFloor(k.area.x / w.scale), cvFloor(k.area.y / w.scale),
                      cvCeil(k.area.width / w.scale), cvCeil(k.area.height / w.scale)};
    out.push_back({b, std::min(k.score, 0.99)});
  }
  return out;
}

}  // namespace samovar::model
