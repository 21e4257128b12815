// The head of an answer as one string.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "net/exchange.hpp"

namespace samovar::net {

struct head_facts {
  std::string_view request_id;
  std::string_view date;
  bool http11 = true;
  bool keep_alive = true;
  bool chunked = false;
  bool api = false;  ///< answers of the API are not cached unless the handler says so
  /// A page of another origin asks and may read the answer (net/cors.hpp); empty: it may not.
  std::string_view cors_origin;
  bool by_origin = false;  ///< the answer depends on who asks: caches are told
  std::optional<std::uint64_t> content_length;
  /// Over TLS: how long browsers shall insist on it (RFC 6797); 0: say nothing.
  std::uint32_t hsts_s = 0;
  int retry_after_s = 2;  ///< of 429 and 503, unless the handler says so
};

/// True for the statuses that have no body (1xx, 204, 304).
constexpr bool bodiless(int status) { return status < 200 || status == 204 || status == 304; }

std::string_view reason_phrase(int status);
/// Header values with CR, LF or NUL are dropped rather than sent.
void write_head(std::string& out, const reply& r, const head_facts& f);

}  // namespace samovar::net
