#include "net/handlers/lists.hpp"

#include <charconv>

#include "core/limits.hpp"

namespace samovar::net {

std::string to_text(const core::cursor& c) {
  std::string bytes;
  const auto at = static_cast<std::uint64_t>(c.at.time_since_epoch().count());
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(at >> shift));
  for (const auto b : c.id.bytes) bytes.push_back(static_cast<char>(b));
  return hex(bytes);
}

std::optional<core::cursor> parse_cursor(std::string_view text) {
  if (text.size() != 48) return std::nullopt;
  for (const char c : text)
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return std::nullopt;
  const auto byte_at = [&](std::size_t i) {
    unsigned n = 0;
    std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, n, 16);
    return static_cast<std::uint8_t>(n);
  };
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < 8; ++i) at = (at << 8) | byte_at(i);
  core::cursor c;
  c.at = core::timestamp{std::chrono::microseconds(static_cast<std::int64_t>(at))};
  for (std::size_t i = 0; i < 16; ++i) c.id.bytes[i] = byte_at(8 + i);
  // Years 0 to 9999, what the database and RFC 3339 can hold.
  if (c.at.time_since_epoch().count() < -62'167'219'200'000'000 ||
      c.at.time_since_epoch().count() > 253'402'300'799'000'000)
    return std::nullopt;
  return c;
}

core::page_request read_paging(const request& r, bool oldest_first, bool order_given) {
  core::page_request p;
  p.oldest_first = oldest_first;
  if (const auto limit =
          query_integer(r, "limit", 1, static_cast<int>(core::limits::list_page_max)))
    p.limit = static_cast<std::size_t>(*limit);
  if (const auto text = query_value(r, "cursor")) {
    p.after = parse_cursor(*text);
    if (!p.after)
      refuse(core::error_code::validation_failed, "cursor is not one this server gave", "cursor");
  }
  if (const auto order = order_given ? query_value(r, "order") : std::nullopt) {
    if (*order == "newest" || *order == "desc")
      p.oldest_first = false;
    else if (*order == "oldest" || *order == "asc")
      p.oldest_first = true;
    else
      refuse(core::error_code::validation_failed, "order must be newest or oldest", "order");
  }
  return p;
}

std::string next_link(const request& r, const core::cursor& next) {
  std::string link = "<";
  for (const char c : r.path) link += c == '/' ? "/" : percent_encode(std::string_view(&c, 1));
  link += '?';
  for (const auto& [name, value] : r.query)
    if (name != "cursor") link += percent_encode(name) + "=" + percent_encode(value) + "&";
  return link + "cursor=" + to_text(next) + ">; rel=\"next\"";
}

namespace detail {

std::string list_head(const std::string& array_name) {
  return array_name.empty() ? "[" : "{\"" + array_name + "\":[";
}

std::string list_tail(const std::string& array_name, std::int64_t total,
                      const std::optional<core::cursor>& next) {
  if (array_name.empty()) return "]";
  std::string text = "],\"total\":" + std::to_string(total) + ",\"next_cursor\":";
  return text + (next ? "\"" + to_text(*next) + "\"" : "null") + "}";
}

}  // namespace detail

}  // namespace samovar::net
