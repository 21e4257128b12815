#include "model/sam3/neck.hpp"

namespace samovar::model::sam3 {

std::array<at::Tensor, 3> neck::operator()(const at::Tensor& trunk) const {
  return {conv3[0](conv1[0](up0b(gelu_in_place(up0a(trunk))))), conv3[1](conv1[1](up1(trunk))),
          conv3[2](conv1[2](trunk))};
}

neck load_neck(const weight_source& from, const std::string& name) {
  const std::string base = "detector.backbone.vision_backbone." + name + ".";
  neck n;
  n.up0a = load_upscaling2(from, base + "0.dconv_2x2_0");
  n.up0b = load_upscaling2(from, base + "0.dconv_2x2_1");
  n.up1 = load_upscaling2(from, base + "1.dconv_2x2");
  for (std::size_t i = 0; i < 3; ++i) {
    n.conv1[i] = load_convolution1(from, base + std::to_string(i) + ".conv_1x1");
    n.conv3[i] = load_convolution3(from, base + std::to_string(i) + ".conv_3x3");
  }
  return n;
}

}  // namespace samovar::model::sam3
