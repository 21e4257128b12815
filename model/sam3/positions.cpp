#include "model/sam3/positions.hpp"

#include <cmath>
#include <numbers>

namespace samovar::model::sam3 {
namespace {

at::Tensor interleaved(const at::Tensor& angles) {
  return at::stack({angles.sin(), angles.cos()}, -1).flatten(-2);
}

}  // namespace

at::Tensor rotary_table(std::int64_t side, std::int64_t head_size, double scale, double theta) {
  const std::int64_t quarter = head_size / 4;
  at::Tensor out = at::empty({side * side, 2 * quarter, 2}, at::kFloat);
  auto* value = out.data_ptr<float>();
  for (std::int64_t token = 0; token < side * side; ++token) {
    const double place[2] = {static_cast<double>(token % side) * scale,
                             static_cast<double>(token / side) * scale};
    for (std::int64_t j = 0; j < 2 * quarter; ++j) {
      const double exponent = -4.0 * static_cast<double>(j % quarter);
      const double angle =
          place[j / quarter] * std::pow(theta, exponent / static_cast<double>(head_size));
      *value++ = static_cast<float>(std::cos(angle));
      *value++ = static_cast<float>(std::sin(angle));
    }
  }
  return out;
}

at::Tensor sine_divisors(std::int64_t count) {
  at::Tensor out = at::empty({count / 2}, at::kDouble);
  auto* value = out.data_ptr<double>();
  for (std::int64_t k = 0; k < count / 2; ++k)
    value[k] = std::pow(10000.0, 2.0 * static_cast<double>(k) / static_cast<double>(count));
  return out;
}

at::Tensor sines(const at::Tensor& values, const at::Tensor& divisors) {
  return interleaved(values.unsqueeze(-1) / divisors);
}

at::Tensor sine_map(std::int64_t height, std::int64_t width, std::int64_t channels) {
  const at::Tensor divisors = sine_divisors(channels / 2);
  const auto line = [&](std::int64_t n) {
    const at::Tensor places = at::arange(1, n + 1, at::kDouble);
    return sines(places / (static_cast<double>(n) + 1e-6) * (2 * std::numbers::pi), divisors);
  };
  const at::Tensor y = line(height).unsqueeze(1).expand({height, width, channels / 2});
  const at::Tensor x = line(width).unsqueeze(0).expand({height, width, channels / 2});
  return at::cat({y, x}, -1).flatten(0, 1).to(at::kFloat);
}

}  // namespace samovar::model::sam3
