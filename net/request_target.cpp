#include "net/request_target.hpp"

#include <algorithm>
#include <utility>

#include "core/limits.hpp"
#include "net/text.hpp"

namespace samovar::net {

namespace {

namespace limits = core::limits;

bool clean_text(std::string_view s) {
  for (std::size_t i = 0; i < s.size();) {
    const auto n = utf8_length(s.substr(i));
    if (n == 0 || s[i] == '\0') return false;
    i += n;
  }
  return true;
}

bool parse_query(std::string_view text, std::map<std::string, std::string>& out) {
  while (!text.empty()) {
    const auto amp = text.find('&');
    const auto pair = text.substr(0, amp);
    text.remove_prefix(amp == std::string_view::npos ? text.size() : amp + 1);
    if (pair.empty()) continue;
    if (!percent_valid(pair)) return false;
    const auto eq = pair.find('=');
    std::string name = percent_decode(pair.substr(0, eq), true);
    std::string value =
        eq == std::string_view::npos ? std::string() : percent_decode(pair.substr(eq + 1), true);
    if (!clean_text(name) || !clean_text(value)) return false;
    out[std::move(name)] = std::move(value);
  }
  return true;
}

}  // namespace

bool parse_target(std::string_view text, target& out) {
  if (starts_ignoring_case(text, "http://") || starts_ignoring_case(text, "https://")) {
    const auto path = text.find('/', text.find("://") + 3);
    text = path == std::string_view::npos ? std::string_view("/") : text.substr(path);
  }
  const auto mark = text.find('?');
  const auto path = text.substr(0, mark);
  const auto query = mark == std::string_view::npos ? std::string_view() : text.substr(mark + 1);
  out.path = percent_decode(path, false);
  return path.starts_with('/') && percent_valid(path) && clean_text(out.path) &&
         query.size() <= limits::query_bytes_max && parse_query(query, out.query);
}

bool request_id_ok(std::string_view id) {
  return !id.empty() && id.size() <= limits::request_id_chars_max &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return is_alnum(c) || c == '-' || c == '_' || c == '.' || c == ':';
         });
}

bool has_folded_line(std::string_view head) {
  for (auto at = head.find('\n'); at != std::string_view::npos; at = head.find('\n', at + 1))
    if (at + 1 < head.size() && (head[at + 1] == ' ' || head[at + 1] == '\t')) return true;
  return false;
}

}  // namespace samovar::net
