// One HTTP exchange as handlers see it: no Beast, no Asio, so that handlers compile fast and can be
// tested with plain values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/accounts.hpp"
#include "core/errors.hpp"

namespace samovar::net {

/// A file received in a multipart body, already on disk in the blob store's spool folder. The file
/// is removed when the exchange ends unless the handler moved it away.
struct uploaded_file {
  std::filesystem::path path;
  std::string filename;  ///< as the client named it, valid UTF-8, no path parts; may be empty
  std::uint64_t byte_size = 0;
  std::string sha256;  ///< 64 lower-case hex digits, computed while streaming
};

struct request {
  std::string method;
  std::string path;                          ///< percent-decoded, without the query
  std::map<std::string, std::string> query;  ///< percent-decoded; the last value wins
  std::vector<std::string> path_values;      ///< one per {placeholder} of the route, in order
  std::string body;                          ///< JSON routes
  std::optional<uploaded_file> file;         ///< upload routes
  core::acting_user actor;                   ///< only meaningful on routes that need sign-in
  std::string request_id;
  std::string remote_address;
  bool secure = false;                         ///< TLS, or a trusted proxy says so
  std::map<std::string, std::string> headers;  ///< lower-case names, only those in kept_headers
  std::optional<std::string> header(const std::string& lower_case_name) const {
    const auto it = headers.find(lower_case_name);
    if (it == headers.end()) return std::nullopt;
    return it->second;
  }
};

/// Produces a body piece by piece on the pool; returns false after the last piece.
using body_source = std::function<bool(std::string& piece)>;

struct reply {
  int status = 200;
  std::string content_type = "application/json";
  /// Text, shared text (cached JSON), or a streamed body (chunked, or with content_length set).
  std::variant<std::string, std::shared_ptr<const std::string>, body_source> body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<std::uint64_t> content_length;  ///< only for body_source
};

using respond = std::function<void(reply)>;

enum class access : std::uint8_t {
  open,       ///< no credentials needed (health, login, static files)
  signed_in,  ///< any user; 401 decided before anything else
  admin,      ///< 401, then 403
};
enum class body_kind : std::uint8_t {
  none,  ///< a body is read (bounded) and ignored
  json,  ///< limits::json_body_bytes_max, into request::body
  file,  ///< multipart/form-data with one part named "file", streamed to disk
};
enum class where : std::uint8_t {
  pool,     ///< handler may block (SQL, files); full pool -> 503
  inline_,  ///< handler never blocks; called on the I/O thread and may answer later from any thread
  passwords,  ///< like pool, on the few low-priority threads for what hashes a password (argon2id)
};

struct route {
  std::string method;
  std::string pattern;  ///< "/api/v1/jobs/{id}"; a {placeholder} matches one segment
  access who = access::signed_in;
  body_kind body = body_kind::none;
  bool body_optional = false;  ///< a JSON body may be missing; else it must have a length (411)
  where runs = where::pool;
  /// Must call `respond` exactly once, on any thread. An exception becomes a 500 (or a 503 for
  /// core::store_unavailable).
  std::function<void(const std::shared_ptr<const request>&, const respond&)> handle;
  /// Optional fast path of a `pool` route: called first, on the I/O thread, and must not block or
  /// throw. True: it will respond (now or later). False: `handle` is to run on the pool as usual.
  std::function<bool(const std::shared_ptr<const request>&, const respond&)> try_inline;
  /// State-changing (POST, PUT, PATCH, DELETE) unless said otherwise: read-only keys are refused
  /// and cookie sessions need the CSRF token.
  bool changes_state() const { return method != "GET" && method != "HEAD"; }
};

reply error_reply(const core::error& e, const std::string& request_id);

}  // namespace samovar::net
