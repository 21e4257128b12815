#include "net/handlers/byte_range.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace samovar::net {

namespace {

/// nullopt when not all digits; saturates instead of overflowing.
std::optional<std::uint64_t> number(std::string_view text) {
  if (text.empty()) return std::nullopt;
  for (const char c : text)
    if (c < '0' || c > '9') return std::nullopt;
  std::uint64_t n = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), n);
  return result.ec == std::errc{} ? n : UINT64_MAX;
}

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

}  // namespace

byte_range parse_range(std::string_view header, std::uint64_t size) {
  constexpr std::string_view unit = "bytes=";
  if (header.substr(0, unit.size()) != unit) return {};
  const auto spec = trimmed(header.substr(unit.size()));
  const auto dash = spec.find('-');
  if (dash == std::string_view::npos || spec.find(',') != std::string_view::npos) return {};
  const auto first = spec.substr(0, dash), last = spec.substr(dash + 1);
  const byte_range outside{range_kind::unsatisfiable, 0, 0};
  if (first.empty()) {
    const auto suffix = number(last);
    if (!suffix) return {};
    if (*suffix == 0 || size == 0) return outside;
    const auto length = std::min(*suffix, size);
    return {range_kind::part, size - length, length};
  }
  const auto begin = number(first);
  const auto end = last.empty() ? std::optional(UINT64_MAX) : number(last);
  if (!begin || !end || *end < *begin) return {};
  if (*begin >= size) return outside;
  return {range_kind::part, *begin, std::min(*end, size - 1) - *begin + 1};
}

}  // namespace samovar::net
