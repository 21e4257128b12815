// A config.json beside a checkpoint: sizes that the network can be built with, or a refusal.
#include <map>

#include "model/sam3/options.hpp"
#include "tests/fuzz/target.hpp"

namespace samovar::fuzz {

const char* const target_name = "sam3_config";

namespace {

using model::sam3::options;

/// The tensors of a small model.
std::map<std::string, std::vector<std::int64_t>> small_shapes() {
  options o;
  o.vit_width = o.text_width = 48;
  o.vit_depth = 4;
  o.vit_hidden = o.text_hidden = o.hidden = o.decoder_hidden = 64;
  o.position_side = 4;
  o.text_depth = 2;
  o.width = 32;
  o.heads = 4;
  o.sam_inner = 16;
  std::map<std::string, std::vector<std::int64_t>> out;
  for (const auto& e : model::sam3::expected_tensors(o)) out[e.name] = e.shape;
  return out;
}

}  // namespace

void run_target(std::string_view bytes) {
  static const auto shapes = small_shapes();
  const auto shape = [&](const std::string& name) -> std::optional<std::vector<std::int64_t>> {
    const auto found = shapes.find(name);
    if (found == shapes.end()) return std::nullopt;
    return found->second;
  };
  const auto found = model::sam3::find_options(
      shape, [](const std::string& n) { return n; }, std::string(bytes));
  if (!found.ok()) {
    require(!found.failure().detail.empty(), "a refusal says why");
    return;
  }
  const options& o = *found;
  require(o.image_size >= o.patch && o.image_size <= 16384 && o.image_size % o.patch == 0,
          "patches fill the image");
  require(o.window >= 1 && o.window <= o.grid(), "windows fit the grid");
  for (const auto& [width, heads] :
       {std::pair(o.vit_width, o.vit_heads), std::pair(o.text_width, o.text_heads),
        std::pair(o.width, o.heads), std::pair(o.width, o.sam_heads),
        std::pair(o.sam_inner, o.sam_heads), std::pair(o.width, o.group_norm_groups)})
    require(heads >= 1 && width % heads == 0, "heads divide widths");
  for (const auto b : o.global_blocks) require(b >= 0 && b < o.vit_depth, "blocks are there");
  for (const double v : o.pixel_std) require(v > 0, "the deviation is a divisor");
  require(o.rope_theta > 0 && o.vit_norm_eps > 0 && o.hole_area_max >= 0, "numbers make sense");
}

}  // namespace samovar::fuzz
