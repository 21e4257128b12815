// The messages of the code flow (OpenID Connect Core 1.0, 3.1; Discovery 1.0; RFC 7636; RFC 9207):
// made and read, never sent. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/oidc_claims.hpp"

namespace samovar::net {

/// What discovery says that matters here. All addresses were found safe to use.
struct oidc_metadata {
  std::string authorization_endpoint;
  std::string token_endpoint;
  std::string jwks_uri;
  std::string userinfo_endpoint;  ///< empty: none
  bool names_itself = false;      ///< RFC 9207: every callback carries `iss`
};

/// {issuer}/.well-known/openid-configuration; a {tenantid} is asked for as "organizations".
std::string discovery_url(const std::string& issuer);
/// Refuses another issuer, missing or unsafe addresses, a provider without the code flow.
oidc_result<oidc_metadata> read_metadata(std::string_view text, const std::string& issuer);

/// RFC 7636, 4.2: S256.
std::string pkce_challenge(std::string_view verifier);

struct authorization {
  std::string redirect_uri, state, nonce, verifier;
};
/// Where the browser is sent.
std::string authorization_url(const oidc_metadata& m, const oidc_settings& s,
                              const authorization& a);

struct http_form {
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;  ///< application/x-www-form-urlencoded
};
/// The exchange of the code. The client's secret is in a header or in the body, as configured.
http_form token_request(const oidc_settings& s, const std::string& code,
                        const std::string& verifier, const std::string& redirect_uri);

struct oidc_tokens {
  std::string id_token, access_token;
};
/// Reads the token endpoint's answer of that status.
oidc_result<oidc_tokens> read_tokens(int status, std::string_view text);

/// The parameters of a callback, before anything else is believed: RFC 9207's `iss`, then the
/// provider's `error`, then the presence of `code` (the result).
oidc_result<std::string> read_callback(const std::map<std::string, std::string>& query,
                                       const oidc_metadata& m, const token_expectation& e);

}  // namespace samovar::net
