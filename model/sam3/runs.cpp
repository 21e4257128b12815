#include "model/sam3/runs.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace samovar::model::sam3 {

core::rle runs_of(const std::uint8_t* bits, std::int32_t height, std::int32_t width) {
  core::rle out{height, width, {}};
  const std::int64_t column = (std::int64_t{height} + 7) / 8;
  std::uint32_t run = 0;
  bool on = false;
  for (std::int64_t x = 0; x < width; ++x) {
    for (std::int32_t y = 0; y < height; y += 64) {
      int left = std::min(64, height - y);
      std::uint64_t word = 0;
      std::memcpy(&word, bits + x * column + y / 8, static_cast<std::size_t>((left + 7) / 8));
      while (left > 0) {
        const int same = std::min(std::countr_zero(on ? ~word : word), left);
        run += static_cast<std::uint32_t>(same);
        left -= same;
        if (left == 0) break;
        word >>= same;
        out.counts.push_back(run);
        run = 0;
        on = !on;
      }
    }
  }
  out.counts.push_back(run);
  return out;
}

}  // namespace samovar::model::sam3
