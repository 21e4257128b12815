#include "model/descriptor.hpp"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

namespace samovar::model {

namespace {

constexpr int side = 20;
constexpr int light_bins = 8;  // lightness varies with the lighting: few bins, much blur
constexpr int color_bins = 16;

void normalise(cv::Mat& m) {
  m -= cv::mean(m)[0];
  const double n = cv::norm(m);
  if (n > 1e-6) m /= n;
}

}  // namespace

descriptor describe(const cv::Mat& lab, const cv::Rect& area, const cv::Mat& mask) {
  descriptor d;
  const cv::Rect r = area & cv::Rect({}, lab.size());
  const int sizes[] = {light_bins, color_bins, color_bins};
  cv::Mat hist = cv::Mat::zeros(3, sizes, CV_32F);
  d.layout = cv::Mat::zeros(side, side, CV_32F);
  if (r.empty()) {
    d.colors = hist.reshape(1, 1);
    return d;
  }
  // An ellipse of 0.9 of the area: its corners are background.
  float sum = 0;
  for (int y = 0; y < r.height; ++y)
    for (int x = 0; x < r.width; ++x) {
      const float dx = (static_cast<float>(x) + 0.5F) / static_cast<float>(r.width) - 0.5F;
      const float dy = (static_cast<float>(y) + 0.5F) / static_cast<float>(r.height) - 0.5F;
      if (mask.empty() ? dx * dx + dy * dy > 0.2F : mask.at<std::uint8_t>(y, x) == 0) continue;
      const auto& c = lab.at<cv::Vec3b>(r.y + y, r.x + x);
      // Linear share among neighbouring bins in every axis.
      float f[3];
      int i[3];
      for (int k = 0; k < 3; ++k) {
        const float v = static_cast<float>(c[k]) / 256.0F * static_cast<float>(sizes[k]) - 0.5F;
        i[k] = static_cast<int>(std::floor(v));
        f[k] = v - static_cast<float>(i[k]);
      }
      for (int n = 0; n < 8; ++n) {
        int at[3];
        float share = 1;
        for (int k = 0; k < 3; ++k) {
          const int up = n >> k & 1;
          at[k] = std::clamp(i[k] + up, 0, sizes[k] - 1);
          share *= up != 0 ? f[k] : 1 - f[k];
        }
        hist.at<float>(at[0], at[1], at[2]) += share;
        sum += share;
      }
    }
  if (sum > 0) hist /= sum;
  d.colors = hist.reshape(1, 1).clone();
  cv::Mat patch, grey, dx, dy;
  cv::resize(lab(r), patch, {side, side}, 0, 0, cv::INTER_AREA);
  cv::extractChannel(patch, grey, 0);
  cv::Sobel(grey, dx, CV_32F, 1, 0, 3);
  cv::Sobel(grey, dy, CV_32F, 0, 1, 3);
  cv::magnitude(dx, dy, d.layout);
  cv::GaussianBlur(d.layout, d.layout, {5, 5}, 1.5);
  normalise(d.layout);
  return d;
}

double color_similarity(const descriptor& a, const descriptor& b) {
  cv::Mat least;
  cv::min(a.colors, b.colors, least);
  return std::sqrt(cv::sum(least)[0]);
}

double similarity(const descriptor& a, const descriptor& b) {
  const double layout = std::max(0.0, a.layout.dot(b.layout));
  return 0.65 * color_similarity(a, b) + 0.35 * layout;
}

silhouette silhouette_of(const cv::Mat& mask) {
  std::vector<cv::Point> spots;
  cv::findNonZero(mask, spots);
  if (spots.empty()) return {};
  const cv::Size2f s = cv::minAreaRect(spots).size + cv::Size2f(1, 1);  // pixels have extent
  return {static_cast<double>(spots.size()), std::max(s.width, s.height),
          std::min(s.width, s.height)};
}

double similarity(const silhouette& a, const silhouette& b) {
  if (a.area <= 0 || b.area <= 0) return 0.0;
  const auto apart = [](double x, double y) { return std::abs(std::log(x / y)); };
  const double fill = a.area / (a.length * a.width), other_fill = b.area / (b.length * b.width);
  return std::exp(-0.35 * apart(a.area, b.area) -
                  0.5 * apart(a.length / a.width, b.length / b.width) -
                  1.2 * std::abs(fill - other_fill));
}

}  // namespace samovar::model
