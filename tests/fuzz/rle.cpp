// COCO run-length strings: what is accepted is a mask, and comes back as it was.
#include <algorithm>
#include <numeric>
#include <vector>

#include "core/rle.hpp"
#include "tests/fuzz/target.hpp"

namespace samovar::fuzz {

const char* const target_name = "rle";

namespace {

void check(const core::rle& mask) {
  const auto size = std::uint64_t(mask.height) * std::uint64_t(mask.width);
  require(std::accumulate(mask.counts.begin(), mask.counts.end(), std::uint64_t{0}) == size,
          "runs fill the mask");
  require(std::find(mask.counts.begin() + (mask.counts.empty() ? 0 : 1), mask.counts.end(), 0U) ==
              mask.counts.end(),
          "only the first run may be empty");
  const auto area = core::rle_area(mask);
  require(area <= size, "an area fits its mask");
  const auto box = core::rle_bounds(mask);
  require(box.x >= 0 && box.y >= 0 && box.x + box.width <= mask.width &&
              box.y + box.height <= mask.height,
          "a box lies in its mask");
  require((area == 0) == (box.width == 0), "an empty mask has an empty box");
  const auto again = core::from_coco_string(core::to_coco_string(mask), mask.height, mask.width);
  require(again && *again == mask, "a string comes back as it was");
  if (size > 1'000'000) return;
  const auto pixels = core::decode_rle(mask);
  require(pixels.size() == size, "pixels fill the mask");
  require(std::uint64_t(std::count(pixels.begin(), pixels.end(), 255)) == area, "areas agree");
  const auto encoded =
      core::encode_rle(pixels, mask.height, mask.width, static_cast<std::size_t>(mask.width));
  require(encoded == mask, "pixels come back as they were");
  const std::vector<core::rle> twice = {mask, encoded};
  require(core::rle_union(twice) == mask, "a union with itself changes nothing");
}

}  // namespace

void run_target(std::string_view bytes) {
  const auto height = static_cast<std::int32_t>(take_number(bytes, 2));
  const auto width = static_cast<std::int32_t>(take_number(bytes, 2));
  if (const auto mask = core::from_coco_string(bytes, height, width)) check(*mask);
  std::vector<std::uint32_t> counts;
  for (auto rest = bytes; !rest.empty() && counts.size() < 4096;)
    counts.push_back(take_number(rest, counts.size() % 3 == 2 ? 4 : 1));
  if (const auto mask = core::from_counts(counts, height, width)) check(*mask);
}

}  // namespace samovar::fuzz
