#include "core/detections.hpp"

namespace samovar::core {

detection make_detection(rle mask, double score) {
  detection d;
  d.bounds = rle_bounds(mask);
  d.area = rle_area(mask);
  d.score = score;
  d.mask = std::move(mask);
  return d;
}

}  // namespace samovar::core
