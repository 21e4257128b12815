// Encodings that OpenID Connect is written in. Pure.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace samovar::net {

/// RFC 4648, 5: no padding.
std::string base64url(std::string_view bytes);
/// RFC 4648, 4: with padding.
std::string base64(std::string_view bytes);
/// Strict: nullopt for padding, other characters, impossible lengths and stray low bits.
std::optional<std::string> base64url_decode(std::string_view text);
/// 32 bytes.
std::string sha256_of(std::string_view data);

/// A JSON object and nothing else, at most 64 deep, no member twice: what two parsers could read
/// differently is refused.
std::optional<nlohmann::json> strict_json_object(std::string_view text);

/// A member that is a string, else nullopt.
std::optional<std::string> text_member(const nlohmann::json& object, const char* name);

/// Name and value of a query or a form, percent-encoded, appended with '&' when needed.
void append_parameter(std::string& out, std::string_view name, std::string_view value);

/// An absolute URL that secrets may be sent to: https, or http to this very machine when
/// `loopback_http`; no user name, no fragment. Read by the parser that the connection is made
/// with, so that both see the same host.
bool is_safe_endpoint(const std::string& url, bool loopback_http);
/// True for http://localhost, http://127.x.y.z and http://[::1].
bool is_loopback_http(const std::string& url);

/// A path of this site to return to after signing in: begins with one '/', not with /api/, no
/// backslash or control character, at most 512 bytes; bytes a header must not carry are
/// percent-encoded. Anything else gives "/".
std::string safe_return_path(std::string_view wanted);

}  // namespace samovar::net
