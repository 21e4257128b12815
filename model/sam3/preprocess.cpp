#include "model/sam3/preprocess.hpp"

#include "model/sam3/layers.hpp"

namespace samovar::model::sam3 {

at::Tensor preprocess(const at::Tensor& picture, const options& o) {
  at::Tensor x = picture.permute({2, 0, 1}).unsqueeze(0).to(at::kFloat).contiguous();
  if (x.size(2) != o.image_size || x.size(3) != o.image_size)
    x = at::_upsample_bilinear2d_aa(x, at::IntArrayRef({o.image_size, o.image_size}), false)
            .round_()  // half to even, as at::round does
            .clamp_(0, 255);
  const auto row = [&](const double(&v)[3]) {
    return upload(at::tensor({v[0], v[1], v[2]}, at::kFloat).view({1, 3, 1, 1}), x.device());
  };
  return x.div_(255.0).sub_(row(o.pixel_mean)).div_(row(o.pixel_std));
}

at::Tensor resize_logits(const at::Tensor& logits, std::int64_t height, std::int64_t width) {
  const auto shape = logits.sizes().vec();
  const auto n = logits.numel() / (logits.size(-1) * logits.size(-2));
  at::Tensor y = at::upsample_bilinear2d(
      logits.to(at::kFloat).reshape({n, 1, logits.size(-2), logits.size(-1)}),
      at::IntArrayRef({height, width}), false);
  auto out = shape;
  out[out.size() - 2] = height;
  out[out.size() - 1] = width;
  return y.view(out);
}

}  // namespace samovar::model::sam3
