#include "net/oidc_accounts.hpp"

#include <algorithm>

namespace samovar::net {

namespace {

oidc_refusal no(oidc_error code, std::string why) { return {code, std::move(why)}; }

std::optional<oidc_refusal> check_address(const oidc_person& p, const oidc_settings& s) {
  if (!p.email) return no(oidc_error::email_missing, "the provider names no e-mail address");
  if (!p.email_verified && !s.trust_email)
    return no(oidc_error::email_unverified, "the e-mail address is not verified");
  return std::nullopt;
}

}  // namespace

std::optional<oidc_refusal> check_domain(const oidc_person& p, const oidc_settings& s) {
  if (s.allowed_domains.empty()) return std::nullopt;
  if (auto wrong = check_address(p, s)) return wrong;
  const auto domain = p.email->substr(p.email->rfind('@') + 1);
  if (std::find(s.allowed_domains.begin(), s.allowed_domains.end(), domain) !=
      s.allowed_domains.end())
    return std::nullopt;
  return no(oidc_error::domain_not_allowed, "the address is of a domain that is not allowed");
}

account_decision decide(const oidc_person& p, const account_facts& f, const oidc_settings& s) {
  if (auto wrong = check_domain(p, s)) return std::move(*wrong);
  if (f.identity) {
    if (f.identity->disabled) return no(oidc_error::account_disabled, "the account is disabled");
    return sign_in_as{f.identity->user, f.identity->identity};
  }
  const bool adopting = f.account && s.link_verified_email && p.email_verified;
  if (!s.create_users && !adopting)
    return no(oidc_error::no_account, "accounts are not made at sign-in");
  if (auto wrong = check_address(p, s)) return std::move(*wrong);
  if (adopting) {
    if (f.account->disabled) return no(oidc_error::account_disabled, "the account is disabled");
    return adopt_account{f.account->user};
  }
  if (f.account)
    return no(oidc_error::account_exists, "an account has this address already, unlinked");
  return create_account{};
}

}  // namespace samovar::net
