// Accounts at an OpenID provider that sign in to users of ours, and the port that keeps them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/accounts.hpp"
#include "core/errors.hpp"

namespace samovar::core {

using identity_id = strong_id<struct identity_tag>;

/// (issuer, subject) is unique: OpenID Connect Core 1.0, 5.7.
struct identity {
  identity_id id;
  user_id owner;
  std::string issuer;
  std::string subject;               ///< 1 to 255 bytes
  std::optional<std::string> email;  ///< as the provider last said; for show only
  timestamp created_at{};
};

/// Whom an identity signs in.
struct identity_owner {
  identity_id identity;
  user_id user;
  bool disabled = false;
};

enum class identity_removal : std::uint8_t {
  removed,
  absent,       ///< or another user's
  only_way_in,  ///< nothing was removed: there is no password and no other identity
};

/// Thread-safe; throws store_unavailable when the database is away. `address`: where the request
/// came from, for the audit log; empty when unknown.
class identity_store {
 public:
  virtual ~identity_store() = default;
  virtual std::optional<identity_owner> find_identity(const std::string& issuer,
                                                      const std::string& subject) = 0;
  /// A user without a password, with role `user`, and this first identity; both or neither.
  /// email_taken (409) when the address exists, conflict (409) when the identity does.
  virtual status create_user_with_identity(const identity& i, const std::string& email,
                                           const std::string& display_name,
                                           const std::string& address) = 0;
  /// Linking again changes nothing. conflict (409) when the identity is another user's.
  virtual status link_identity(const identity& i, const std::string& address) = 0;
  /// Notes the provider's present e-mail address of the identity.
  virtual void note_sign_in(identity_id id, const std::optional<std::string>& email) = 0;
  /// Gives or takes the role `admin` as the group says; taken away only where a group gave it.
  /// True when the role changed.
  virtual bool apply_admin_group(user_id user, bool member, const std::string& address) = 0;
  /// Oldest first.
  virtual std::vector<identity> list_identities(user_id owner) = 0;
  virtual identity_removal remove_identity(user_id owner, identity_id id,
                                           const std::string& address) = 0;
};

}  // namespace samovar::core
