// What a person asks of the model: boxes, points, text, in one of three modes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/geometry.hpp"
#include "core/ids.hpp"

namespace samovar::core {

enum class segmentation_mode : std::uint8_t { inside_box, find_all, point };
enum class prompt_type : std::uint8_t { segment, positive_exemplar, negative_exemplar };

std::string_view to_string(segmentation_mode m);
std::string_view to_string(prompt_type t);
std::optional<segmentation_mode> parse_segmentation_mode(std::string_view text);
std::optional<prompt_type> parse_prompt_type(std::string_view text);

struct box_prompt {
  annotation_id id;
  box area;
  prompt_type type = prompt_type::segment;
  friend bool operator==(const box_prompt&, const box_prompt&) = default;
};

struct point_prompt {
  point_id id;
  point at;
  bool is_positive = true;
  friend bool operator==(const point_prompt&, const point_prompt&) = default;
};

/// All prompts of one image, as a job's snapshot keeps them. Boxes and points in creation order.
struct image_prompts {
  std::optional<std::string> text;
  std::vector<box_prompt> boxes;
  std::vector<point_prompt> points;
  friend bool operator==(const image_prompts&, const image_prompts&) = default;
};

/// Only what `mode` looks at: inside_box the `segment` boxes; find_all the exemplar boxes and a
/// non-blank text; point the points. Change detection compares these.
image_prompts relevant_prompts(const image_prompts& all, segmentation_mode mode);
/// True when the mode has anything to work with.
bool has_prompts(const image_prompts& all, segmentation_mode mode);

}  // namespace samovar::core
