// From a person at the provider to an account here: who may come in, and as whom. Pure.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "core/identities.hpp"
#include "net/oidc_claims.hpp"

namespace samovar::net {

/// What is known here of that person.
struct account_facts {
  std::optional<core::identity_owner> identity;  ///< signed in or linked before
  struct same_address {
    core::user_id user;
    bool disabled = false;
  };
  std::optional<same_address> account;  ///< has the person's e-mail address
};

struct sign_in_as {
  core::user_id user;
  core::identity_id identity;
};
struct create_account {};  ///< with the person's address
struct adopt_account {     ///< link by the verified address, then sign in
  core::user_id user;
};
using account_decision = std::variant<sign_in_as, create_account, adopt_account, oidc_refusal>;

/// Rules that hold for every sign-in and every link: the allowed domains. An address counts only
/// when the provider verified it, or `trust_email` says that all of its addresses are.
std::optional<oidc_refusal> check_domain(const oidc_person& p, const oidc_settings& s);

/// An account with the same address is never taken over, unless `link_verified_email` is on and the
/// provider itself says that the address is verified (`trust_email` does not count here).
account_decision decide(const oidc_person& p, const account_facts& f, const oidc_settings& s);

}  // namespace samovar::net
