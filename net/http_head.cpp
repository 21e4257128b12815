// What a request's head says.
#include <algorithm>
#include <array>
#include <utility>

#include "core/limits.hpp"
#include "net/http_session.hpp"
#include "net/text.hpp"

namespace samovar::net {

namespace {

namespace limits = core::limits;
namespace http = boost::beast::http;

/// Headers handlers may look at.
constexpr std::array<std::string_view, 12> kept_headers = {
    "accept",        "content-type",      "host",     "idempotency-key", "if-match", "origin",
    "if-none-match", "if-modified-since", "if-range", "range",           "cookie",   "user-agent"};

bool request_id_ok(std::string_view id) {
  return !id.empty() && id.size() <= limits::request_id_chars_max &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return is_alnum(c) || c == '-' || c == '_' || c == '.' || c == ':';
         });
}

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

void http_session::take_header(const http_parser::header& h) {
  switch (h.id) {
    case http::field::authorization: authorization_ = h.value; return;
    case http::field::cookie: cookie_ = h.value; break;
    case http::field::host:
      host_ = h.value;
      ++hosts_;
      break;
    case http::field::origin: origin_ = h.value; break;
    case http::field::referer: referer_ = h.value; return;
    case http::field::content_type: content_type_ = h.value; break;
    case http::field::upgrade: upgrade_ = h.value; return;
    case http::field::sec_websocket_key: ws_key_ = h.value; return;
    case http::field::sec_websocket_version: ws_version_ = h.value; return;
    case http::field::sec_websocket_protocol: ws_protocol_ = h.value; return;
    case http::field::expect:
      expects_continue_ = equals_ignoring_case(h.value, "100-continue");
      return;
    case http::field::connection:
    case http::field::content_length:
    case http::field::accept_encoding:
    case http::field::accept_language: return;
    default: break;
  }
  if (equals_ignoring_case(h.name, "x-api-key")) x_api_key_ = h.value;
  if (equals_ignoring_case(h.name, "x-csrf-token")) csrf_ = h.value;
  if (equals_ignoring_case(h.name, "x-request-id") && request_id_ok(h.value)) request_id_ = h.value;
  for (const auto kept : kept_headers)
    if (equals_ignoring_case(h.name, kept)) {
      request_->headers.insert_or_assign(std::string(kept), std::string(h.value));
      return;
    }
}

bool http_session::read_headers() {
  authorization_ = x_api_key_ = cookie_ = host_ = origin_ = referer_ = csrf_ = {};
  content_type_ = upgrade_ = ws_key_ = ws_version_ = ws_protocol_ = {};
  expects_continue_ = false;
  hosts_ = 0;
  request_id_.clear();
  for (const auto& h : parser_->headers) take_header(h);
  if (request_id_.empty()) request_id_ = io_.shared.new_request_id();
  request_->request_id = request_id_;
  wants_upgrade_ = parser_->upgrade() && equals_ignoring_case(upgrade_, "websocket");
  if (hosts_ > 1 || (http11_ && hosts_ == 0)) {
    protocol_error(core::error_code::malformed_request, "Exactly one Host header is expected");
    return false;
  }
  return true;
}

bool http_session::read_target(std::string_view target) {
  // RFC 9112 3.2.2: the absolute form is accepted.
  if (starts_ignoring_case(target, "http://") || starts_ignoring_case(target, "https://")) {
    const auto path = target.find('/', target.find("://") + 3);
    target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
  }
  const auto mark = target.find('?');
  const auto path = target.substr(0, mark);
  const auto query = mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  request_->path = percent_decode(path, false);
  const bool ok = path.starts_with('/') && percent_valid(path) && clean_text(request_->path) &&
                  query.size() <= limits::query_bytes_max && parse_query(query, request_->query);
  if (ok) return true;
  phase_ = phase::body;
  refuse(core::make_error(core::error_code::malformed_request,
                          "The request's path or query is malformed"));
  return false;
}

}  // namespace samovar::net
