#include "model/sam3/holes.hpp"

#include <algorithm>

namespace samovar::model::sam3 {

void fill_holes(float* logits, std::int64_t height, std::int64_t width, std::int64_t area_max) {
  if (area_max <= 0) return;
  std::vector<std::uint8_t> seen(static_cast<std::size_t>(height * width), 0);
  std::vector<std::int64_t> component;
  for (std::int64_t start = 0; start < height * width; ++start) {
    if (seen[static_cast<std::size_t>(start)] || logits[start] > 0.0F) continue;
    component.assign(1, start);
    seen[static_cast<std::size_t>(start)] = 1;
    for (std::size_t next = 0; next < component.size(); ++next) {
      const auto y = component[next] / width, x = component[next] % width;
      for (auto v = std::max<std::int64_t>(y - 1, 0); v <= std::min(y + 1, height - 1); ++v)
        for (auto u = std::max<std::int64_t>(x - 1, 0); u <= std::min(x + 1, width - 1); ++u) {
          const auto at = v * width + u;
          if (seen[static_cast<std::size_t>(at)] || logits[at] > 0.0F) continue;
          seen[static_cast<std::size_t>(at)] = 1;
          component.push_back(at);
        }
    }
    if (static_cast<std::int64_t>(component.size()) <= area_max)
      for (const auto at : component) logits[at] = 10.0F;
  }
}

}  // namespace samovar::model::sam3
