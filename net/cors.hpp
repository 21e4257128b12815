// Pages of other origins that may call the API from a browser (Fetch standard, CORS protocol).
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "core/errors.hpp"
#include "net/exchange.hpp"

namespace samovar::net {

/// Their scripts sign in with API keys: credentials that a browser adds by itself are not let
/// through, so that a page elsewhere never acts with somebody's cookie.
class cors_origins {
 public:
  /// "https://app.example.org, http://localhost:3000": origins between commas; empty lets nobody.
  /// validation_failed names the entry that is no origin.
  static core::outcome<cors_origins> parse(std::string_view list);

  bool empty() const noexcept { return allowed_.empty(); }
  /// `origin` as the header says it.
  bool contains(std::string_view origin) const;

 private:
  std::set<std::string, std::less<>> allowed_;  ///< lower case
};

/// What a preflight is answered, beside write_head's lines.
reply preflight_reply();
/// What a script of an allowed page may read of an answer's headers.
inline constexpr std::string_view cors_exposed_headers =
    "Accept-Ranges, Content-Disposition, Content-Range, ETag, Link, Location, Retry-After, "
    "X-Request-Id";

}  // namespace samovar::net
