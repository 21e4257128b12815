#include "net/cors.hpp"

#include "net/proxies.hpp"
#include "net/text.hpp"

namespace samovar::net {

namespace {

constexpr std::size_t origins_max = 100;

/// scheme://host[:port] and nothing behind it.
bool is_origin(const std::string& text) {
  const auto host = text.starts_with("https://") ? 8 : text.starts_with("http://") ? 7 : 0;
  return host > 0 && host_ok(std::string_view(text).substr(host)) && origin_of(text) == text;
}

}  // namespace

core::outcome<cors_origins> cors_origins::parse(std::string_view list) {
  cors_origins out;
  while (!list.empty()) {
    const auto entry = take_entry(list, ',');
    if (entry.empty()) continue;
    auto origin = lower_case(entry);
    if (!is_origin(origin) || out.allowed_.size() >= origins_max)
      return core::make_error(core::error_code::validation_failed,
                              "http.cors_origins: \"" + std::string(entry) +
                                  "\" is no origin such as https://app.example.org",
                              "http.cors_origins");
    out.allowed_.insert(std::move(origin));
  }
  return out;
}

bool cors_origins::contains(std::string_view origin) const {
  return !allowed_.empty() && allowed_.count(lower_case(origin)) > 0;
}

reply preflight_reply() {
  reply r;
  r.status = 204;
  r.content_type.clear();
  r.headers = {{"Access-Control-Allow-Methods", "GET, HEAD, POST, PATCH, DELETE"},
               {"Access-Control-Allow-Headers",
                "Authorization, Content-Type, Idempotency-Key, If-None-Match, If-Range, Range, "
                "X-API-Key, X-Request-Id"},
               {"Access-Control-Max-Age", "600"}};
  return r;
}

}  // namespace samovar::net
