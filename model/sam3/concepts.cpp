#include "model/sam3/concepts.hpp"

#include <algorithm>

namespace samovar::model::sam3 {
namespace {

core::error refused(const std::string& why) {
  return core::make_error(core::error_code::unsupported_prompt, why);
}

}  // namespace

std::vector<std::string> concepts_in(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(";\r\n"), text.size());
    auto part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto first = part.find_first_not_of(" \t\v\f");
    if (first == std::string_view::npos) continue;
    part = part.substr(first, part.find_last_not_of(" \t\v\f") - first + 1);
    if (std::find(out.begin(), out.end(), part) == out.end()) out.emplace_back(part);
  }
  return out;
}

core::outcome<std::vector<concept_group>> concepts_of(const core::image_prompts& prompts,
                                                      const std::string& text_reason) {
  std::vector<core::box_prompt> all, negative;
  for (const auto& b : prompts.boxes) {
    if (b.type == core::prompt_type::segment) continue;
    all.push_back(b);
    if (b.type == core::prompt_type::negative_exemplar) negative.push_back(b);
  }
  const bool positive = all.size() > negative.size();
  auto words = concepts_in(prompts.text.value_or(""));
  if (!words.empty() && !text_reason.empty()) {
    if (!positive) return refused(text_reason);
    words.clear();
  }
  if (words.size() > concepts_max)
    return refused("A text can name at most " + std::to_string(concepts_max) + " concepts.");
  if (words.empty() && !positive)
    return refused("Finding all objects needs a text or at least one positive exemplar box.");
  if (words.empty()) words.emplace_back();
  std::vector<concept_group> out;
  if (words.size() == 1) {
    out.push_back({std::move(words), std::move(all)});
    return out;
  }
  out.push_back({std::move(words), std::move(negative)});
  if (positive) out.push_back({{std::string()}, std::move(all)});
  return out;
}

}  // namespace samovar::model::sam3
