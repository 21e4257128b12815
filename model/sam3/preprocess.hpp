// From pixels to what the network sees, and from its small masks to an image's size.
#pragma once

#include <ATen/ATen.h>

#include "model/sam3/options.hpp"

namespace samovar::model::sam3 {

/// RGB, 8 bits: [height, width, 3] -> [1, 3, S, S] float32, on the picture's device. Resized
/// straight to S x S with antialiased bilinear filtering, rounded to whole grey levels (half to
/// even), then normalised.
at::Tensor preprocess(const at::Tensor& picture, const options& o);

/// [..., h, w] -> [..., height, width] in float32, bilinear, half-pixel centres.
at::Tensor resize_logits(const at::Tensor& logits, std::int64_t height, std::int64_t width);

}  // namespace samovar::model::sam3
