// What an ID token says, and whether it may be believed (OpenID Connect Core 1.0, 3.1.3.7). Pure:
// no clock, no network. The signature is checked before, in oidc_jose.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "net/oidc_settings.hpp"

namespace samovar::net {

/// Who signed in at the provider.
struct oidc_person {
  std::string issuer;
  std::string subject;               ///< 1 to 255 bytes, printable ASCII
  std::optional<std::string> email;  ///< normalised
  bool email_verified = false;       ///< the provider said so; never assumed
  std::string name;                  ///< may be empty
  /// Member of the administrators' group; nullopt: groups are not looked at, or the token says
  /// that it leaves them out (Entra ID with very many groups).
  std::optional<bool> admin;
};

/// Why something was not believed: the word for the person, the sentence for the log. The sentence
/// never holds a token, a code or a claim's value.
struct oidc_refusal {
  oidc_error code = oidc_error::token_malformed;
  std::string why;
};
template <class T>
using oidc_result = std::variant<T, oidc_refusal>;

struct token_expectation {
  std::string issuer;  ///< exact, or the pattern with {tenantid}
  std::vector<std::string> tenants;
  bool any_tenant = false;
  std::string client_id;
  std::string nonce;
  std::string access_token;  ///< for at_hash; SHA-256, as all algorithms allowed here use it
  double now_unix_s = 0.0;
};

/// Tolerance for clocks that differ, both ways.
inline constexpr double clock_skew_s = 60.0;

/// nullopt when every rule holds. Checked in this order: types, issuer, audience, azp, expiry,
/// not-before, nonce, at_hash.
std::optional<oidc_refusal> check_claims(const nlohmann::json& claims, const token_expectation& e);

/// True when `issuer` is what was configured: equal, or of the pattern with an allowed tenant.
/// `tenant` is then "" or the tenant's id in lower case.
bool issuer_matches(std::string_view issuer, const token_expectation& e, std::string& tenant);

/// True when the claims lack something that UserInfo may tell: the address, or the groups.
bool wants_userinfo(const nlohmann::json& claims, const oidc_settings& s);
/// Adds to `claims` what they lack. The address and whether it is verified come from one place.
void add_userinfo(nlohmann::json& claims, const nlohmann::json& info, const oidc_settings& s);

/// Precondition: check_claims found nothing.
oidc_person read_person(const nlohmann::json& claims, const oidc_settings& s);

}  // namespace samovar::net
