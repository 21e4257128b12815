// The head of a request as a connection reads it, and everything that is read out of its fields.
#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <functional>

#include "core/limits.hpp"
#include "net/handlers/byte_range.hpp"
#include "net/http_parser.hpp"
#include "net/multipart.hpp"
#include "net/proxies.hpp"
#include "net/request_target.hpp"
#include "net/text.hpp"
#include "tests/fuzz/target.hpp"

namespace samovar::fuzz {

const char* const target_name = "request_head";

namespace {

bool within(std::string_view part, std::string_view whole) {
  const std::less_equal<const char*> before;
  return part.empty() || (before(whole.data(), part.data()) &&
                          before(part.data() + part.size(), whole.data() + whole.size()));
}

bool utf8_without_nul(std::string_view s) {
  for (std::size_t i = 0; i < s.size();) {
    const auto n = net::utf8_length(s.substr(i));
    if (n == 0 || s[i] == '\0') return false;
    i += n;
  }
  return true;
}

void look_at_target(std::string_view text) {
  net::target t;
  if (!net::parse_target(text, t)) return;
  require(t.path.starts_with('/'), "a path begins with a slash");
  require(utf8_without_nul(t.path), "a path is UTF-8 without NUL");
  for (const auto& [name, value] : t.query)
    require(utf8_without_nul(name) && utf8_without_nul(value), "a query is UTF-8 without NUL");
}

void look_at_value(std::string_view value) {
  static const auto proxies = net::trusted_proxies::parse("127.0.0.1, 10.0.0.0/8, ::1").value();
  const auto client = proxies.client_of("10.0.0.1", value);
  require(client == "10.0.0.1" || utf8_without_nul(client), "a client's address is text");
  require(client.size() <= 64 && client.find_first_of(" ,\r\n") == std::string::npos,
          "a client's address is one address");
  net::limit_key(client);
  if (net::host_ok(net::last_value(value)))
    require(value.find_first_of("\r\n") == std::string_view::npos, "a host is one word");
  if (const auto cookie = net::cookie_value(value, "samovar_session"))
    require(cookie->find(';') == std::string_view::npos, "a cookie ends at a semicolon");
  if (const auto boundary = net::multipart_boundary(value); boundary.ok())
    require(!boundary->empty() && boundary->size() <= 70, "a boundary has 1 to 70 characters");
  for (const std::uint64_t size : {0ULL, 1ULL, 1000ULL, ~0ULL}) {
    const auto range = net::parse_range(value, size);
    if (range.kind == net::range_kind::part)
      require(range.length >= 1 && range.begin < size && range.length <= size - range.begin,
              "a range lies within what it is of");
  }
  net::origin_of(value);
  if (net::request_id_ok(value))
    require(value.size() <= core::limits::request_id_chars_max, "request ids are short");
  const auto name = net::clean_filename(value);
  require(utf8_without_nul(name) && name.find_first_of("/\\\r\n") == std::string::npos,
          "a file name is one name");
}

}  // namespace

void run_target(std::string_view bytes) {
  while (!bytes.empty() && (bytes.front() == '\r' || bytes.front() == '\n')) bytes.remove_prefix(1);
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos || end + 4 > core::limits::header_bytes_max) return;
  const auto head = bytes.substr(0, end + 4);
  if (net::has_folded_line(head)) return;
  net::http_parser parser;
  boost::system::error_code ec;
  const auto used = parser.put(boost::asio::buffer(head.data(), head.size()), ec);
  if (ec || !parser.is_header_done() || used != head.size()) return;
  require(within(parser.method, head) && within(parser.target, head),
          "method and target are views of the head");
  look_at_target(parser.target);
  for (const auto& h : parser.headers) {
    require(within(h.name, head) && within(h.value, head), "fields are views of the head");
    require(h.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos,
            "a value is one line");
    look_at_value(h.value);
  }
  auto body = bytes.substr(head.size());
  std::string kept;
  parser.body = &kept;
  while (!body.empty() && !parser.is_done()) {
    const auto n = parser.put(boost::asio::buffer(body.data(), body.size()), ec);
    require(n <= body.size(), "no more is used than was given");
    if (n == 0 || (ec && ec != boost::beast::http::error::need_more)) break;
    body.remove_prefix(n);
  }
  require(kept.size() == parser.body_bytes && kept.size() <= bytes.size(),
          "a body is made of what was sent");
}

}  // namespace samovar::fuzz
