#include "core/geometry.hpp"

#include <algorithm>

namespace samovar::core {

namespace {

std::optional<error> bad(const char* sentence, const char* field) {
  return make_error(error_code::invalid_geometry, sentence, field);
}

}  // namespace

std::optional<error> check_box(const box& b, const size& image) {
  if (b.width <= 0 || b.height <= 0)
    return bad("Bounding box must have positive dimensions",
               b.width <= 0 ? "bbox_width" : "bbox_height");
  if (b.x < 0 || b.y < 0)
    return bad("Bounding box coordinates must be non-negative", b.x < 0 ? "bbox_x" : "bbox_y");
  if (std::int64_t{b.x} + b.width > image.width)
    return bad("Bounding box exceeds image width", "bbox_width");
  if (std::int64_t{b.y} + b.height > image.height)
    return bad("Bounding box exceeds image height", "bbox_height");
  return std::nullopt;
}

std::optional<error> check_point(const point& p, const size& image) {
  if (p.x < 0 || p.y < 0)
    return bad("Point coordinates must be non-negative", p.x < 0 ? "point_x" : "point_y");
  if (p.x >= image.width) return bad("Point x coordinate exceeds image width", "point_x");
  if (p.y >= image.height) return bad("Point y coordinate exceeds image height", "point_y");
  return std::nullopt;
}

double box_iou(const box& a, const box& b) {
  const auto left = std::max<std::int64_t>(a.x, b.x);
  const auto top = std::max<std::int64_t>(a.y, b.y);
  const auto right = std::min(std::int64_t{a.x} + a.width, std::int64_t{b.x} + b.width);
  const auto bottom = std::min(std::int64_t{a.y} + a.height, std::int64_t{b.y} + b.height);
  const double shared = right > left && bottom > top
                            ? static_cast<double>(right - left) * static_cast<double>(bottom - top)
                            : 0.0;
  const double both =
      static_cast<double>(a.width) * a.height + static_cast<double>(b.width) * b.height - shared;
  return both > 0.0 ? shared / both : 0.0;
}

}  // namespace samovar::core
