// COCO polygons of masks, along pixel edges.
#pragma once

#include <vector>

#include "core/rle.hpp"

namespace samovar::model {

/// Outer contours of the mask's 8-connected parts, as [x0,y0,x1,y1,...] with pixel (x, y) covering
/// [x, x+1) x [y, y+1). Parts of up to 64 px are exact; stair-steps of larger ones are simplified
/// within 0.75 px. Holes are not represented. Largest first.
std::vector<std::vector<double>> outer_polygons(const core::rle& mask);

}  // namespace samovar::model
