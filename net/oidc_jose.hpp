// Signatures of ID tokens: RFC 7515 (JWS) by cjose, with our own rules about algorithms and keys.
// Pure: no clock, no network.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/oidc_claims.hpp"

namespace samovar::net {

/// One public key of the provider that may sign ID tokens.
struct oidc_key {
  std::string kid;     ///< never empty
  std::string kty;     ///< "RSA" (2,048 bits or more) or "EC" (P-256)
  std::string alg;     ///< empty: any that fits kty
  std::string issuer;  ///< Entra ID: whose tokens it signs; empty: not said
  std::string jwk;     ///< the public members alone, as JSON
};
using oidc_keys = std::vector<oidc_key>;

/// The keys of a JWK Set (RFC 7517) that are usable here; others (encryption, symmetric, weak,
/// unknown kinds, without a kid) are left out. nullopt when the text is no JWK Set. At most 100.
std::optional<oidc_keys> read_keys(std::string_view text);

struct signed_token {
  std::string alg, kid;
  std::string compact;  ///< the whole token
};

/// Reads the header of a compact JWS. Refused: what is not one, an algorithm that is not RS256,
/// ES256 or PS256 ("none" and every HMAC among them), extensions marked critical, a `typ` other
/// than JWT, no kid. Keys that the header itself brings (jwk, jku, x5c, x5u) are never looked at.
oidc_result<signed_token> read_token(std::string_view compact);

/// The claims, once the signature of the right key was found good. token_key_unknown: no key of
/// this kid fits; the caller may fetch the keys anew and try again. `issuer` (the token's own) is
/// compared with that of the key, where the key has one.
oidc_result<nlohmann::json> verify_token(const signed_token& token, const oidc_keys& keys);

}  // namespace samovar::net
