// What find_all looks for, taken apart: words and exemplars, as the network is asked. No LibTorch.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/errors.hpp"
#include "core/prompts.hpp"

namespace samovar::model::sam3 {

inline constexpr std::size_t concepts_max = 16;

/// Concepts that share their exemplars: one pass over the network can hold several.
struct concept_group {
  std::vector<std::string> words;          ///< empty text: the exemplars alone
  std::vector<core::box_prompt> examples;  ///< positive and negative ones
};

/// The text's concepts: parts between ';' and line breaks, trimmed, empty ones and repetitions
/// dropped, in order.
std::vector<std::string> concepts_in(std::string_view text);

/// See make_segmenter. `text_reason` is empty where texts can be read; else exemplars go without
/// the text, as with the classical segmenter, and a text alone is refused with this sentence.
core::outcome<std::vector<concept_group>> concepts_of(const core::image_prompts& prompts,
                                                      const std::string& text_reason);

}  // namespace samovar::model::sam3
