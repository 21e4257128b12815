// A segmenter for tests and benchmarks of the system: deterministic ellipses at a fixed cost, with
// faults on demand. It looks at no pixels, so a runner may give it an image with a size only.
#pragma once

#include <memory>

#include "core/ports.hpp"

namespace samovar::model {

struct synthetic_config {
  double cost_ms = 0.0;   ///< per segment call, slept to a deadline; stops early when cancelled
  int fail_every_n = 0;   ///< every n-th call returns an internal error; 0 = never
  int throw_every_n = 0;  ///< every n-th call throws std::runtime_error; 0 = never
  int wrong_size_every_n = 0;  ///< every n-th call answers with masks one pixel too wide; 0 = never
  int hang_every_n = 0;        ///< every n-th call first hangs for hang_ms, deaf to cancellation
  int hang_ms = 0;
  std::size_t boxes_max = 0;  ///< more boxes in one call throw std::bad_alloc; 0 = any number
};

/// inside_box: the ellipse inscribed in each box. point: an ellipse around the positive points.
/// find_all: one ellipse per positive exemplar, or a fixed row of three for a text.
std::unique_ptr<core::segmenter> make_synthetic_segmenter(const synthetic_config& config);
std::unique_ptr<core::segmenter> make_synthetic_segmenter(double cost_ms);

}  // namespace samovar::model
