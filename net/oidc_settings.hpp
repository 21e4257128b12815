// What an administrator says about the OpenID provider.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace samovar::net {

enum class oidc_client_auth : std::uint8_t {
  basic,  ///< client_secret_basic
  post,   ///< client_secret_post
};

struct oidc_settings {
  std::string issuer;  ///< as the provider writes it, exactly; may hold "{tenantid}" (Entra ID)
  /// With {tenantid}: the tenants that may sign in, lower case; `any_tenant` lets all in.
  std::vector<std::string> tenants;
  bool any_tenant = false;
  std::string name = "Single sign-on";  ///< on the page's button
  std::string client_id;
  std::string client_secret;  ///< empty: a public client, which PKCE alone protects
  oidc_client_auth client_auth = oidc_client_auth::basic;
  std::string scopes = "openid email profile";
  std::vector<std::string> allowed_domains;  ///< lower case; empty: every address
  bool create_users = true;
  bool link_verified_email = false;
  bool trust_email = false;                   ///< take addresses without email_verified as verified
  std::string groups_claim = "groups";        ///< a member's name, or a path with dots
  std::string admin_group;                    ///< empty: groups are not looked at
  std::string ca_file;                        ///< PEM; empty: the system's certificates
  std::chrono::seconds cache{3600};           ///< discovery document and keys
  std::chrono::milliseconds timeout{10'000};  ///< of one exchange with the provider, in all

  bool multi_tenant() const { return issuer.find("{tenantid}") != std::string::npos; }
};

/// What the people see and scripts match; never more than this word leaves the server.
enum class oidc_error : std::uint8_t {
  state_invalid,      ///< unknown, used, too old, or another browser's
  issuer_mismatch,    ///< RFC 9207: the answer comes from another provider
  cancelled,          ///< the person said no
  refused,            ///< the provider said no
  unavailable,        ///< no usable answer from the provider
  code_refused,       ///< the token endpoint said no
  token_malformed,    ///< not a signed JWT, or claims that are missing or of a wrong type
  token_algorithm,    ///< not one of RS256, ES256, PS256
  token_key_unknown,  ///< no kid, or no such key at the provider
  token_signature,
  token_issuer,
  token_audience,
  token_expired,
  token_not_yet_valid,
  token_nonce,
  token_hash,         ///< at_hash is not the access token's
  userinfo_mismatch,  ///< the UserInfo answer is about somebody else
  email_missing,
  email_unverified,
  domain_not_allowed,
  account_exists,  ///< an account with this address that nobody has proven to own
  no_account,      ///< accounts are not made at sign-in
  account_disabled,
  identity_taken,  ///< linking: this sign-in belongs to another account
  session_ended,   ///< linking: signed out in between
  busy,            ///< too many sign-ins at once
};
/// "oidc_state_invalid", "oidc_token_expired", …
std::string_view to_string(oidc_error e);

}  // namespace samovar::net
