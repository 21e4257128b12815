// What the text of a request's head means, before anybody acts on it. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace samovar::net {

/// The path and query of a request target in origin or absolute form (RFC 9112 3.2), decoded.
struct target {
  std::string path;                          ///< begins with '/'; valid UTF-8 without NUL
  std::map<std::string, std::string> query;  ///< the last value of a name wins
};
/// False when it is malformed or its query longer than limits::query_bytes_max; `out.path` is what
/// could be read of the path then.
bool parse_target(std::string_view text, target& out);

/// True for what a client may choose as X-Request-Id.
bool request_id_ok(std::string_view id);

/// A line that begins with white space continues the one before it (RFC 9112 5.2, obs-fold). The
/// parser would hand such a value over in a buffer of its own that ends with the call, so they are
/// refused, as the RFC wants it.
bool has_folded_line(std::string_view head);

}  // namespace samovar::net
