#include "storage/import_detections.hpp"

#include <limits>
#include <nlohmann/json.hpp>

namespace samovar::storage {

namespace {

using nlohmann::json;

constexpr std::uint8_t foreground_min = 128;  // masks are 0 or 255

std::optional<core::rle> mask_of(const json& segmentation) {
  const auto size = segmentation.find("size");
  const auto counts = segmentation.find("counts");
  if (size == segmentation.end() || counts == segmentation.end() || size->size() != 2)
    return std::nullopt;
  const auto height = size->at(0).get<std::int32_t>(), width = size->at(1).get<std::int32_t>();
  if (height <= 0 || width <= 0) return std::nullopt;
  if (counts->is_string())
    return core::from_coco_string(counts->get_ref<const std::string&>(), height, width);
  std::vector<std::uint32_t> runs;
  for (const auto& c : *counts) {
    const auto n = c.get<std::int64_t>();
    if (n < 0 || n > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
    runs.push_back(static_cast<std::uint32_t>(n));
  }
  return import_counts(std::move(runs), height, width);
}

double score_of(const json& annotation) {
  const auto at = annotation.find("score");
  if (at == annotation.end() || !at->is_number()) return 1.0;
  const auto score = at->get<double>();
  return score >= 0.0 && score <= 1.0 ? score : 1.0;
}

}  // namespace

std::optional<core::rle> import_counts(std::vector<std::uint32_t> counts, std::int32_t height,
                                       std::int32_t width) {
  if (counts.size() >= 2 && counts[0] == 0 && counts[1] == 0) counts.erase(counts.begin());
  return core::from_counts(counts, height, width);
}

std::optional<std::vector<core::detection>> import_coco(std::string_view text,
                                                        core::image_id image) {
  try {
    const auto file = json::parse(text);
    std::vector<core::detection> found;
    for (const auto& a : file.at("annotations")) {
      const auto named = core::parse_id<core::image_id>(a.at("image_id").get<std::string>());
      if (named != image) return std::nullopt;
      auto mask = mask_of(a.at("segmentation"));
      if (!mask) return std::nullopt;
      found.push_back(core::make_detection(std::move(*mask), score_of(a)));
    }
    return found;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

std::vector<core::detection> import_union_mask(const core::pixels& mask) {
  if (mask.width <= 1 && mask.height <= 1) return {};
  std::vector<std::uint8_t> set(mask.data.size() / 3);
  bool any = false;
  for (std::size_t i = 0; i < set.size(); ++i) {
    set[i] = mask.data[3 * i] >= foreground_min;
    any = any || set[i] != 0;
  }
  if (!any) return {};
  return {core::make_detection(
      core::encode_rle(set, mask.height, mask.width, static_cast<std::size_t>(mask.width)), 1.0)};
}

}  // namespace samovar::storage
