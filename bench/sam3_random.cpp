#include "bench/sam3_random.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <vector>

#include "model/sam3/safetensors.hpp"

namespace samovar::bench {
namespace {

using model::sam3::element;
using model::sam3::expected_tensor;

/// xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators".
class generator {
 public:
  explicit generator(std::uint64_t seed) : state_(seed * 2 + 1) {}
  /// Uniform in [-1, 1).
  float next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    const auto high = static_cast<std::uint32_t>((state_ * 0x2545F4914F6CDD1DULL) >> 40);
    return static_cast<float>(high) * (1.0F / 8388608.0F) - 1.0F;
  }

 private:
  std::uint64_t state_;
};

struct spread {
  float centre = 0.0F;
  float width = 0.0F;
};

/// Uniform numbers of +-sqrt(3 / inputs) have the variance 1 / inputs.
spread spread_of(const expected_tensor& t) {
  if (t.shape.size() == 1)
    return t.name.ends_with("bias") ? spread{0.0F, 0.02F} : spread{1.0F, 0.05F};
  std::int64_t inputs = 1;
  for (std::size_t i = 1; i < t.shape.size(); ++i) inputs *= t.shape[i];
  return {0.0F, std::sqrt(3.0F / static_cast<float>(inputs))};
}

std::uint16_t to_bf16(float v) {
  const auto bits = std::bit_cast<std::uint32_t>(v);
  return static_cast<std::uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

}  // namespace

void write_random_checkpoint(const std::filesystem::path& to, const model::sam3::options& sizes,
                             element type, std::uint64_t seed) {
  const auto tensors = model::sam3::expected_tensors(sizes);
  std::vector<model::sam3::tensor_to_write> listed;
  for (const auto& t : tensors) listed.push_back({t.name, type, t.shape});
  std::ofstream out(to, std::ios::binary);
  const std::string header = model::sam3::safetensors_header(listed);
  out.write(header.data(), static_cast<std::streamsize>(header.size()));
  generator random(seed);
  constexpr std::size_t values_at_once = 1 << 20;
  std::vector<char> buffer(values_at_once * bytes_of(type));
  for (const auto& t : tensors) {
    const spread s = spread_of(t);
    std::size_t left = 1;
    for (const auto side : t.shape) left *= static_cast<std::size_t>(side);
    while (left > 0) {
      const std::size_t n = std::min(left, values_at_once);
      for (std::size_t i = 0; i < n; ++i) {
        const float v = s.centre + s.width * random.next();
        const std::uint16_t half = to_bf16(v);
        if (type == element::bf16)
          std::memcpy(buffer.data() + 2 * i, &half, 2);
        else
          std::memcpy(buffer.data() + 4 * i, &v, 4);
      }
      out.write(buffer.data(), static_cast<std::streamsize>(n * bytes_of(type)));
      left -= n;
    }
  }
  out.flush();
  if (!out) throw std::runtime_error("cannot write " + to.string());
}

}  // namespace samovar::bench
