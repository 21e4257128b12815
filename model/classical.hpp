// The default segmenter: real masks on any machine, with OpenCV and no model file.
#pragma once

#include <memory>

#include "core/ports.hpp"

namespace samovar::model {

/// identity "classical/1". Boxes, points and exemplars; a text alone is unsupported_prompt.
/// Deterministic, and single-threaded when the program has called cv::setNumThreads(1).
std::unique_ptr<core::segmenter> make_classical_segmenter();

}  // namespace samovar::model
