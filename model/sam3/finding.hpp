// From the detector's queries to instances, and from clicks' logits to masks.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "model/sam3/network.hpp"

namespace samovar::model::sam3 {

/// The reference's choices.
struct finding_options {
  double threshold = 0.5;     ///< scores must be greater
  double mask_overlap = 1.0;  ///< of two masks with a greater intersection over union, the one with
                              ///< the lower score goes; 1: none does
};

/// Instances of one prompt on one image, in the order of the queries, on the network's device.
struct instances {
  at::Tensor scores;  ///< [n] float32
  at::Tensor boxes;   ///< [n, 4] (x0, y0, x1, y1) px of the original image, not clipped
  at::Tensor logits;  ///< [n, 4g, 4g] float32
};

/// One entry per prompt of `g`. Waits for the device once (which queries are kept).
std::vector<instances> find_instances(const network& net, const detector_features& image,
                                      const grounding& g, std::int64_t height, std::int64_t width,
                                      const finding_options& o);

/// Masks [n, h, w] of logits at an image's size, on the CPU, column by column as run lengths want
/// them: bytes [n, width, ceil(height/8)], the lowest bit of a column's first byte is its top
/// pixel. Works in pieces of bounded memory; on CUDA only the bits travel.
at::Tensor packed_masks(const at::Tensor& logits, std::int64_t height, std::int64_t width);

/// Logits [batch, n, h, w] with small holes filled (on the CPU, where it is done).
at::Tensor without_holes(const at::Tensor& logits, const options& o);

}  // namespace samovar::model::sam3
