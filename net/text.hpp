// Small text helpers of the HTTP engine.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace samovar::net {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
std::string lower_case(std::string_view s);
std::string_view trim(std::string_view s);  ///< spaces and tabs
/// Cuts the first entry off a list between separators, the separator with it, and trims it.
std::string_view take_entry(std::string_view& list, char separator);
bool equals_ignoring_case(std::string_view a, std::string_view b);
bool starts_ignoring_case(std::string_view s, std::string_view prefix);
/// Time depends on the lengths only.
bool equal_in_constant_time(std::string_view a, std::string_view b);
/// Length of the well-formed UTF-8 sequence at the front (1-4), 0 when it is malformed.
std::size_t utf8_length(std::string_view s);
/// "%41" -> "A"; malformed escapes are kept as they are.
std::string percent_decode(std::string_view s, bool plus_is_space);
/// False when `s` holds a '%' without two hexadecimal digits.
bool percent_valid(std::string_view s);
/// The value of one cookie in a Cookie header.
std::optional<std::string_view> cookie_value(std::string_view header, std::string_view name);
/// "https://a.example/b" -> "https://a.example" in lower case; empty when it has no scheme.
std::string origin_of(std::string_view url);

}  // namespace samovar::net
