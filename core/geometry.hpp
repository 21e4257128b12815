// Boxes, points and sizes in image pixels, and the rules a prompt's geometry must keep.
#pragma once

#include <cstdint>
#include <optional>

#include "core/errors.hpp"

namespace samovar::core {

struct size {
  std::int32_t width = 0;   ///< px
  std::int32_t height = 0;  ///< px
  friend bool operator==(const size&, const size&) = default;
};

/// Integer box; (x, y) is the top-left pixel, both axes growing right/down.
struct box {
  std::int32_t x = 0;
  std::int32_t y = 0;
  std::int32_t width = 0;
  std::int32_t height = 0;
  friend bool operator==(const box&, const box&) = default;
};

struct point {
  std::int32_t x = 0;
  std::int32_t y = 0;
  friend bool operator==(const point&, const point&) = default;
};

/// nullopt when the box is a legal prompt in an image of this size; otherwise the error with the
/// original application's sentence (400). No overflow for any input.
std::optional<error> check_box(const box& b, const size& image);
/// The same for a point. x == width is outside.
std::optional<error> check_point(const point& p, const size& image);

/// Intersection over union of two boxes, 0 when both are empty.
double box_iou(const box& a, const box& b);

}  // namespace samovar::core
