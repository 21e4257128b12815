#include "core/prompts.hpp"

#include <algorithm>

namespace samovar::core {

namespace {

bool is_blank(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); });
}

}  // namespace

std::string_view to_string(segmentation_mode m) {
  switch (m) {
    case segmentation_mode::inside_box: return "inside_box";
    case segmentation_mode::find_all: return "find_all";
    case segmentation_mode::point: return "point";
  }
  return "inside_box";
}

std::string_view to_string(prompt_type t) {
  switch (t) {
    case prompt_type::segment: return "segment";
    case prompt_type::positive_exemplar: return "positive_exemplar";
    case prompt_type::negative_exemplar: return "negative_exemplar";
  }
  return "segment";
}

std::optional<segmentation_mode> parse_segmentation_mode(std::string_view text) {
  for (auto m :
       {segmentation_mode::inside_box, segmentation_mode::find_all, segmentation_mode::point})
    if (to_string(m) == text) return m;
  return std::nullopt;
}

std::optional<prompt_type> parse_prompt_type(std::string_view text) {
  for (auto t :
       {prompt_type::segment, prompt_type::positive_exemplar, prompt_type::negative_exemplar})
    if (to_string(t) == text) return t;
  return std::nullopt;
}

image_prompts relevant_prompts(const image_prompts& all, segmentation_mode mode) {
  image_prompts out;
  switch (mode) {
    case segmentation_mode::inside_box:
      std::copy_if(all.boxes.begin(), all.boxes.end(), std::back_inserter(out.boxes),
                   [](const box_prompt& b) { return b.type == prompt_type::segment; });
      break;
    case segmentation_mode::find_all:
      std::copy_if(all.boxes.begin(), all.boxes.end(), std::back_inserter(out.boxes),
                   [](const box_prompt& b) { return b.type != prompt_type::segment; });
      if (all.text && !is_blank(*all.text)) out.text = all.text;
      break;
    case segmentation_mode::point: out.points = all.points; break;
  }
  return out;
}

bool has_prompts(const image_prompts& all, segmentation_mode mode) {
  const auto r = relevant_prompts(all, mode);
  return r.text || !r.boxes.empty() || !r.points.empty();
}

}  // namespace samovar::core
