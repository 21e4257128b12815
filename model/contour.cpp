#include "model/contour.hpp"

#include <algorithm>
#include <array>
#include <opencv2/imgproc.hpp>

namespace samovar::model {

namespace {

constexpr double exact_area_max = 64.0;                                   // px^2
constexpr double tolerance = 0.75;                                        // px
const std::array<cv::Point, 4> step{{{1, 0}, {0, 1}, {-1, 0}, {0, -1}}};  // right down left up

bool is_set(const cv::Mat& m, int x, int y) {
  return x >= 0 && y >= 0 && x < m.cols && y < m.rows && m.at<std::uint8_t>(y, x) != 0;
}

// Walks the cracks between pixels clockwise, the part on the right hand, from the top left corner
// of the part's first pixel in raster order; keeps the corners only.
std::vector<cv::Point> trace(const cv::Mat& m, cv::Point start) {
  std::vector<cv::Point> corners;
  cv::Point at = start;
  int d = 0;
  do {
    // The pixels ahead of the corner, to the left and right of the direction of travel.
    static const std::array<cv::Point, 4> ahead_left{{{0, -1}, {0, 0}, {-1, 0}, {-1, -1}}};
    static const std::array<cv::Point, 4> ahead_right{{{0, 0}, {-1, 0}, {-1, -1}, {0, -1}}};
    const auto i = static_cast<std::size_t>(d);
    int turn = 0;
    if (is_set(m, at.x + ahead_left[i].x, at.y + ahead_left[i].y))
      turn = 3;  // left: 8-connected
    else if (!is_set(m, at.x + ahead_right[i].x, at.y + ahead_right[i].y))
      turn = 1;
    if (turn != 0 || corners.empty()) corners.push_back(at);
    d = (d + turn) % 4;
    at += step[static_cast<std::size_t>(d)];
  } while (at != start);
  return corners;
}

cv::Point first_in_raster(const std::vector<cv::Point>& contour) {
  return *std::min_element(contour.begin(), contour.end(), [](const auto& a, const auto& b) {
    return a.y != b.y ? a.y < b.y : a.x < b.x;
  });
}

}  // namespace

std::vector<std::vector<double>> outer_polygons(const core::rle& mask) {
  const auto area = core::rle_bounds(mask);
  if (area.width <= 0 || area.height <= 0) return {};
  auto bytes = core::decode_rle(mask);
  const cv::Mat whole(mask.height, mask.width, CV_8UC1, bytes.data());
  const cv::Mat m = whole(cv::Rect(area.x, area.y, area.width, area.height)).clone();
  std::vector<std::vector<cv::Point>> contours;
  std::vector<cv::Vec4i> links;
  cv::findContours(m, contours, links, cv::RETR_CCOMP, cv::CHAIN_APPROX_SIMPLE);
  std::vector<std::pair<double, std::vector<double>>> found;
  for (std::size_t i = 0; i < contours.size(); ++i) {
    if (links[i][3] >= 0) continue;  // a hole
    auto corners = trace(m, first_in_raster(contours[i]));
    const double size = cv::contourArea(corners);
    if (size > exact_area_max) {
      std::vector<cv::Point> fewer;
      cv::approxPolyDP(corners, fewer, tolerance, true);
      if (fewer.size() >= 3) corners = std::move(fewer);
    }
    std::vector<double> flat;
    for (const auto& p : corners) {
      flat.push_back(p.x + area.x);
      flat.push_back(p.y + area.y);
    }
    found.emplace_back(size, std::move(flat));
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::vector<double>> out;
  for (auto& f : found) out.push_back(std::move(f.second));
  return out;
}

}  // namespace samovar::model
