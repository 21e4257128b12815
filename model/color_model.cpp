#include "model/color_model.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <opencv2/imgproc.hpp>
#include <opencv2/imgproc/detail/gcgraph.hpp>

namespace samovar::model {

namespace {

constexpr int samples_max = 3000;
constexpr float variance_floor = 6.0F;         // Lab units^2: sensor noise and quantisation
constexpr float outlier_log_density = -19.6F;  // 0.05 spread evenly over 256^3
constexpr float sure = 1e5F;

}  // namespace

void reset_random() { cv::theRNG().state = 0x5a30f4a7; }

bool color_mixture::fit(const cv::Mat& lab, const cv::Mat& mask, int parts) {
  parts_.clear();
  const int available = cv::countNonZero(mask);
  if (available == 0) return false;
  const int every = std::max(1, available / samples_max);
  cv::Mat samples(0, 3, CV_32F);
  samples.reserve(static_cast<std::size_t>(available / every) + 1);
  // A step through rows and columns alike: the count of set pixels, not a grid, decides.
  for (int y = 0, n = 0; y < lab.rows; ++y) {
    const auto* c = lab.ptr<cv::Vec3b>(y);
    const auto* m = mask.ptr<std::uint8_t>(y);
    for (int x = 0; x < lab.cols; ++x)
      if (m[x] != 0 && n++ % every == 0) samples.push_back(cv::Mat(cv::Vec3f(c[x])).reshape(1, 1));
  }
  const int k = std::clamp(samples.rows / 8, 1, parts);
  cv::Mat labels = cv::Mat::zeros(samples.rows, 1, CV_32S);
  if (k > 1) {
    reset_random();
    cv::kmeans(samples, k, labels, {cv::TermCriteria::COUNT, 8, 0}, 1, cv::KMEANS_PP_CENTERS);
  }
  struct sums {
    double n = 0;
    cv::Vec3d first;
    cv::Matx33d second = cv::Matx33d::zeros();
  };
  std::vector<sums> all(static_cast<std::size_t>(k));
  for (int i = 0; i < samples.rows; ++i) {
    auto& s = all[static_cast<std::size_t>(labels.at<int>(i))];
    const auto* f = samples.ptr<float>(i);
    const cv::Vec3d v(f[0], f[1], f[2]);
    s.n += 1;
    s.first += v;
    s.second += v * v.t();
  }
  for (const auto& s : all) {
    if (s.n < 1) continue;
    const cv::Vec3d mean = s.first / s.n;
    cv::Matx33d cov = s.second * (1.0 / s.n) - mean * mean.t();
    for (int d = 0; d < 3; ++d) cov(d, d) += static_cast<double>(variance_floor);
    const double scale =
        0.95 * s.n / samples.rows / std::sqrt(std::pow(2.0 * CV_PI, 3) * cv::determinant(cov));
    gaussian g;
    g.mean = mean;
    g.inverse = cov.inv();
    g.log_scale = static_cast<float>(std::log(scale));
    parts_.push_back(g);
  }
  return true;
}

float color_mixture::cost(const cv::Vec3b& color) const {
  float best = outlier_log_density;
  float sum = 0.0F;
  std::array<float, 16> logs{};
  std::size_t n = 0;
  for (const auto& g : parts_) {
    const float a = color[0] - g.mean[0], b = color[1] - g.mean[1], c = color[2] - g.mean[2];
    const auto& i = g.inverse;
    const float q = a * (i(0, 0) * a + 2 * i(0, 1) * b + 2 * i(0, 2) * c) +
                    b * (i(1, 1) * b + 2 * i(1, 2) * c) + c * i(2, 2) * c;
    const float l = g.log_scale - 0.5F * q;
    if (n < logs.size()) logs[n++] = l;
    best = std::max(best, l);
  }
  for (std::size_t j = 0; j < n; ++j)
    if (logs[j] > best - 8.0F) sum += std::exp(logs[j] - best);
  sum += std::exp(outlier_log_density - best);
  return -best - std::log(sum);
}

cv::Mat log_ratio(const cv::Mat& lab, const cv::Mat& where, const color_mixture& foreground,
                  const color_mixture& background, float limit) {
  cv::Mat out = cv::Mat::zeros(lab.size(), CV_32F);
  for (int y = 0; y < lab.rows; ++y) {
    const auto* c = lab.ptr<cv::Vec3b>(y);
    const auto* w = where.ptr<std::uint8_t>(y);
    auto* o = out.ptr<float>(y);
    for (int x = 0; x < lab.cols; ++x) {
      if (w[x] == 0) continue;
      if (x > 0 && w[x - 1] != 0 && c[x] == c[x - 1])
        o[x] = o[x - 1];
      else
        o[x] = std::clamp(background.cost(c[x]) - foreground.cost(c[x]), -limit, limit);
    }
  }
  return out;
}

namespace {

float squared(const cv::Vec3b& a, const cv::Vec3b& b) {
  float s = 0;
  for (int i = 0; i < 3; ++i) s += static_cast<float>((a[i] - b[i]) * (a[i] - b[i]));
  return s;
}

const std::array<cv::Point, 4> neighbours{{{1, 0}, {0, 1}, {1, 1}, {-1, 1}}};

/// 1 / (2 <|dc|^2>) over the pixels in play, the usual scale of the contrast term.
float contrast_scale(const cv::Mat& lab, const cv::Mat& in_play) {
  double sum = 0, n = 0;
  for (int y = 0; y + 1 < lab.rows; ++y)
    for (int x = 0; x + 1 < lab.cols; ++x) {
      if (in_play.at<std::uint8_t>(y, x) == 0) continue;
      const auto& c = lab.at<cv::Vec3b>(y, x);
      sum += squared(c, lab.at<cv::Vec3b>(y, x + 1)) + squared(c, lab.at<cv::Vec3b>(y + 1, x));
      n += 2;
    }
  return sum <= 0 ? 0.0F : static_cast<float>(n / (2.0 * sum));
}

}  // namespace

cv::Mat cut(const cv::Mat& lab, const cv::Mat& front_bias, const cv::Mat& seeds, float gamma) {
  cv::Mat in_play;
  cv::dilate(seeds == seed::open, in_play, cv::Mat::ones(3, 3, CV_8U));
  cv::Mat out = (seeds == seed::surely_front);
  const auto count = static_cast<unsigned>(cv::countNonZero(in_play));
  if (count == 0) return out;
  const float beta = contrast_scale(lab, in_play);
  cv::detail::GCGraph<float> graph;
  graph.create(count, 8 * count);
  cv::Mat index(lab.size(), CV_32S, cv::Scalar::all(-1));
  for (int y = 0; y < lab.rows; ++y)
    for (int x = 0; x < lab.cols; ++x) {
      if (in_play.at<std::uint8_t>(y, x) == 0) continue;
      const int v = graph.addVtx();
      index.at<int>(y, x) = v;
      const auto s = seeds.at<std::uint8_t>(y, x);
      const float u = s == seed::surely_back    ? -sure
                      : s == seed::surely_front ? sure
                                                : front_bias.at<float>(y, x);
      graph.addTermWeights(v, std::max(u, 0.0F), std::max(-u, 0.0F));
    }
  for (int y = 0; y < lab.rows; ++y)
    for (int x = 0; x < lab.cols; ++x) {
      const int v = index.at<int>(y, x);
      if (v < 0) continue;
      for (const auto& d : neighbours) {
        const int nx = x + d.x, ny = y + d.y;
        if (nx < 0 || nx >= lab.cols || ny >= lab.rows) continue;
        const int o = index.at<int>(ny, nx);
        if (o < 0) continue;
        const float dc = squared(lab.at<cv::Vec3b>(y, x), lab.at<cv::Vec3b>(ny, nx));
        const float w = gamma * std::exp(-beta * dc) * (d.x != 0 && d.y != 0 ? 0.70710678F : 1.0F);
        graph.addEdges(v, o, w, w);
      }
    }
  graph.maxFlow();
  for (int y = 0; y < lab.rows; ++y)
    for (int x = 0; x < lab.cols; ++x)
      if (const int v = index.at<int>(y, x); v >= 0)
        out.at<std::uint8_t>(y, x) = graph.inSourceSegment(v) ? 255 : 0;
  return out;
}

}  // namespace samovar::model
