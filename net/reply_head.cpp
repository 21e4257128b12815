#include "net/reply_head.hpp"

#include "net/cors.hpp"
#include "net/text.hpp"

namespace samovar::net {

namespace {

constexpr std::string_view policy =
    "Content-Security-Policy: default-src 'self'; img-src 'self' data: blob:; "
    "style-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'\r\n";
constexpr std::string_view other_security =
    "X-Content-Type-Options: nosniff\r\nReferrer-Policy: same-origin\r\n"
    "X-Frame-Options: DENY\r\nCross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\n"
    "Permissions-Policy: camera=(), geolocation=(), microphone=(), payment=(), usb=()\r\n";

bool safe_header(std::string_view s) {
  return s.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

}  // namespace

std::string_view reason_phrase(int status) {
  switch (status) {
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 413: return "Payload Too Large";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Entity";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 503: return "Service Unavailable";
    case 507: return "Insufficient Storage";
    default: return "Status";
  }
}

void write_head(std::string& out, const reply& r, const head_facts& f) {
  out += f.http11 ? "HTTP/1.1 " : "HTTP/1.0 ";
  out += std::to_string(r.status);
  out += ' ';
  out += reason_phrase(r.status);
  out += "\r\nDate: ";
  out += f.date;
  out += "\r\nX-Request-Id: ";
  out += f.request_id;
  out += "\r\n";
  bool own_policy = false;
  bool own_caching = false;
  bool etag = false;
  bool retry_after = false;
  for (const auto& [name, value] : r.headers) {
    if (!safe_header(name) || !safe_header(value)) continue;
    own_policy = own_policy || equals_ignoring_case(name, "content-security-policy");
    own_caching = own_caching || equals_ignoring_case(name, "cache-control");
    etag = etag || equals_ignoring_case(name, "etag");
    retry_after = retry_after || equals_ignoring_case(name, "retry-after");
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
  }
  if (!own_policy) out += policy;
  out += other_security;
  if (f.api && !own_caching)
    out += etag ? "Cache-Control: private, no-cache\r\n" : "Cache-Control: no-store\r\n";
  if ((r.status == 503 || r.status == 429) && !retry_after)
    out += "Retry-After: " + std::to_string(f.retry_after_s) + "\r\n";
  if (f.by_origin) out += "Vary: Origin\r\n";
  if (!f.cors_origin.empty()) {
    out += "Access-Control-Allow-Origin: ";
    out += f.cors_origin;
    out += "\r\nAccess-Control-Expose-Headers: ";
    out += cors_exposed_headers;
    out += "\r\n";
  }
  if (f.hsts_s > 0)
    out += "Strict-Transport-Security: max-age=" + std::to_string(f.hsts_s) + "\r\n";
  if (!bodiless(r.status)) {
    if (safe_header(r.content_type) && !r.content_type.empty()) {
      out += "Content-Type: ";
      out += r.content_type;
      out += "\r\n";
    }
    if (f.content_length) {
      out += "Content-Length: ";
      out += std::to_string(*f.content_length);
      out += "\r\n";
    } else if (f.chunked) {
      out += "Transfer-Encoding: chunked\r\n";
    }
  }
  if (!f.keep_alive)
    out += "Connection: close\r\n";
  else if (!f.http11)
    out += "Connection: keep-alive\r\n";
  out += "\r\n";
}

}  // namespace samovar::net
