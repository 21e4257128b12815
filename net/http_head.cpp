// What a request's head says.
#include <array>
#include <utility>

#include "net/http_session.hpp"
#include "net/proxies.hpp"
#include "net/request_target.hpp"
#include "net/text.hpp"

namespace samovar::net {

namespace {

namespace http = boost::beast::http;

/// Headers handlers may look at.
constexpr std::array<std::string_view, 12> kept_headers = {
    "accept",        "content-type",      "host",     "idempotency-key", "if-match", "origin",
    "if-none-match", "if-modified-since", "if-range", "range",           "cookie",   "user-agent"};

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
      expects_continue_ = http11_ && equals_ignoring_case(h.value, "100-continue");
      return;
    case http::field::transfer_encoding: transfer_coded_ = true; return;
    case http::field::connection:
    case http::field::content_length:
    case http::field::accept_encoding:
    case http::field::accept_language: return;
    default: break;
  }
  take_other_header(h);
}

void http_session::take_other_header(const http_parser::header& h) {
  if (slot_->from_proxy()) {
    if (equals_ignoring_case(h.name, "x-forwarded-for")) {
      if (!forwarded_for_.empty()) forwarded_for_ += ',';
      forwarded_for_ += h.value;
    }
    if (equals_ignoring_case(h.name, "x-forwarded-proto")) forwarded_proto_ = last_value(h.value);
    if (equals_ignoring_case(h.name, "x-forwarded-host")) forwarded_host_ = last_value(h.value);
  }
  if (equals_ignoring_case(h.name, "access-control-request-method")) preflight_ = true;
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
  forwarded_for_.clear();
  forwarded_proto_ = forwarded_host_ = {};
  expects_continue_ = transfer_coded_ = preflight_ = false;
  cors_origin_.clear();
  hosts_ = 0;
  request_id_.clear();
  for (const auto& h : parser_->headers) take_header(h);
  if (request_id_.empty()) request_id_ = io_.shared.new_request_id();
  request_->request_id = request_id_;
  believe_proxy();
  wants_upgrade_ = http11_ && request_->method == "GET" && parser_->upgrade() &&
                   equals_ignoring_case(upgrade_, "websocket");
  if (hosts_ > 1 || (http11_ && hosts_ == 0)) {
    protocol_error(core::error_code::malformed_request, "Exactly one Host header is expected");
    return false;
  }
  // RFC 9112, 6.1 and 6.3: nobody can say where such a body ends, and what a proxy took for the
  // body would be read as the next request.
  if (transfer_coded_ && !(http11_ && parser_->chunked())) {
    protocol_error(core::error_code::malformed_request,
                   "A body may be sent in chunks, in no other transfer coding");
    return false;
  }
  return true;
}

/// http.public_url says how browsers see the server; without it, a trusted proxy does.
void http_session::believe_proxy() {
  const auto& e = io_.shared;
  request_->secure = socket_.is_tls() || e.secure;
  if (!slot_->from_proxy()) return;
  if (!forwarded_for_.empty())
    request_->remote_address = e.proxies.client_of(slot_->address(), forwarded_for_);
  if (!e.ports.config.public_url.empty()) return;
  if (equals_ignoring_case(forwarded_proto_, "https")) request_->secure = true;
  if (host_ok(forwarded_host_)) {
    host_ = forwarded_host_;
    request_->headers.insert_or_assign("host", std::string(host_));
  }
}

/// Notes whether a page of another origin asks and may; a preflight, which carries no credentials,
/// is answered here.
bool http_session::answer_preflight() {
  if (!api_ || !io_.shared.foreign_pages.contains(origin_)) return false;
  cors_origin_ = origin_;
  if (!preflight_ || request_->method != "OPTIONS") return false;
  keep_alive_ = keep_alive_ && parser_->is_done();
  send(preflight_reply());
  return true;
}

/// What is wrong with it is said by authorized(): who asks comes first.
void http_session::read_target(std::string_view text) {
  target read;
  target_ok_ = parse_target(text, read);
  request_->path = std::move(read.path);
  request_->query = std::move(read.query);
}

}  // namespace samovar::net
