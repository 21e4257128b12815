// The feature pyramid: the trunk's output at four, two and one times its size.
#pragma once

#include <ATen/ATen.h>

#include <array>

#include "model/sam3/layers.hpp"

namespace samovar::model::sam3 {

struct neck {
  upscaling2 up0a, up0b, up1;
  std::array<linear, 3> conv1;
  std::array<convolution3, 3> conv3;

  /// [b, g, g, width] -> [b, 4g, 4g, d], [b, 2g, 2g, d], [b, g, g, d].
  std::array<at::Tensor, 3> operator()(const at::Tensor& trunk) const;
};
/// `name`: "convs" (detector) or "sam2_convs" (interactive).
neck load_neck(const weight_source& from, const std::string& name);

}  // namespace samovar::model::sam3
