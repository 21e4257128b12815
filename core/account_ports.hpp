// The ports of accounts: secrets, users, API keys, web sessions, one-time links, the audit log.
// What core/ports.hpp says of threading and errors holds here too.
//
// Every change takes a `change_origin`, because its line of the audit log is written in the same
// transaction: there is no change without its line, and no line without its change.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/accounts.hpp"
#include "core/errors.hpp"
#include "core/paging.hpp"

namespace samovar::core {

/// The database cannot be reached (or the pool is exhausted) just now; retry later.
struct store_unavailable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Password hashing, digests and randomness (libsodium).
class secrets {
 public:
  virtual ~secrets() = default;
  /// argon2id; slow (50-100 ms) by design.
  virtual std::string hash_password(std::string_view password) const = 0;
  virtual bool verify_password(const std::string& hash, std::string_view password) const = 0;
  /// Spends the time of a verification; used when the account does not exist.
  virtual void waste_verification(std::string_view password) const = 0;
  /// 256 random bits, base64url without padding (43 characters).
  virtual std::string random_token() const = 0;
  virtual std::uint64_t random_u64() const = 0;
  /// 32 bytes.
  virtual std::string sha256(std::string_view data) const = 0;
};

// ------------------------------------------------------------------------------ users and keys

struct new_user {
  user_id id;
  std::string email;  ///< normalised
  std::string display_name;
  std::optional<std::string> password_hash;
  role rights = role::user;
};

struct login_record {
  user_id id;
  std::optional<std::string> password_hash;
  bool disabled = false;
};

/// How long web sessions last and how their tokens rotate.
struct session_rules {
  std::chrono::seconds idle{7 * 86'400};       ///< without a request
  std::chrono::seconds lifetime{30 * 86'400};  ///< in any case
  std::chrono::seconds rotate{3'600};          ///< age at which a token is replaced
  /// How long the replaced token still works, from the first use of the new one.
  std::chrono::seconds grace{60};
};

/// Users, API keys and web sessions. Lookups by secret take the SHA-256 of it (32 bytes).
class account_store {
 public:
  virtual ~account_store() = default;
  virtual std::int64_t count_users() = 0;
  /// email_taken (409) when the address exists.
  virtual status create_user(const new_user& u, const change_origin& by = {}) = 0;
  /// Creates the first admin; conflict (409) when any user exists. Atomic.
  virtual status create_first_admin(const new_user& u, const change_origin& by = {}) = 0;
  virtual std::optional<login_record> find_login(const std::string& email) = 0;
  /// With image_count, storage_bytes, running_jobs. nullopt when absent.
  virtual std::optional<user> find_user(user_id id) = 0;
  virtual std::vector<user> list_users() = 0;
  /// Oldest first, whatever `p` says of order.
  virtual page<user> list_users(const page_request& p) = 0;
  virtual status set_display_name(user_id id, const std::string& name,
                                  const change_origin& by = {}) = 0;
  /// Also ends every web session of the user except `keep`, and every open link. Answers with the
  /// sessions that ended.
  virtual outcome<std::vector<web_session_id>> set_password_hash(user_id id,
                                                                 const std::string& hash,
                                                                 std::optional<web_session_id> keep,
                                                                 const change_origin& by = {}) = 0;
  /// Disables or enables; disabling ends the web sessions.
  virtual status set_disabled(user_id id, bool disabled, const change_origin& by = {}) = 0;
  /// All or nothing; answers with the user after the change. not_found when absent.
  virtual outcome<user> change_user(user_id id, const user_changes& changes,
                                    const change_origin& by = {}) = 0;
  /// Deletes the user with all rows and queues every blob in the outbox. not_found when absent.
  virtual status delete_user(user_id id, const change_origin& by = {}) = 0;

  /// conflict (409) when the user has limits::api_keys_per_user_max already.
  virtual status create_api_key(const api_key& key, const std::string& secret_sha256,
                                const change_origin& by = {}) = 0;
  virtual std::vector<api_key> list_api_keys(user_id owner) = 0;
  /// not_found when it is not this user's.
  virtual status delete_api_key(user_id owner, api_key_id id, const change_origin& by = {}) = 0;
  /// nullopt when unknown, expired, or the user is disabled.
  virtual std::optional<acting_user> find_by_api_key(const std::string& secret_sha256) = 0;
  virtual void touch_api_key(api_key_id id) = 0;

  // --- web sessions

  virtual session_rules rules() const { return {}; }
  /// The oldest ones beyond limits::web_sessions_per_user_max end.
  virtual status create_web_session(const web_session& s, const std::string& token_sha256) = 0;
  /// nullopt when unknown, expired (absolute or idle), or the user is disabled. Marks it as seen
  /// (at most once a minute). A replaced token that is used after its grace ends the session: one
  /// of the two who hold tokens of it stole theirs.
  virtual std::optional<acting_user> find_by_web_session(const std::string& token_sha256) = 0;
  /// Replaces the token; the one presented goes on as session_rules::grace says. False when
  /// another request was quicker.
  virtual bool rotate_web_session(web_session_id id, const std::string& presented_sha256,
                                  const std::string& fresh_sha256) = 0;
  /// True while the key or session by which `who` was admitted still admits (tokens may change).
  virtual bool still_admitted(const acting_user& who) = 0;
  /// Newest first, expired ones left out.
  virtual std::vector<web_session> list_web_sessions(user_id owner) = 0;
  /// Signing out. Absent is fine.
  virtual void delete_web_session(user_id owner, web_session_id id,
                                  const change_origin& by = {}) = 0;
  /// not_found when it is not this user's.
  virtual status revoke_web_session(user_id owner, web_session_id id, const change_origin& by) = 0;
  /// Every one of the user's but `keep`; answers with those that ended.
  virtual std::vector<web_session_id> revoke_other_web_sessions(user_id owner,
                                                                std::optional<web_session_id> keep,
                                                                const change_origin& by) = 0;
};

// ------------------------------------------------------------------------------ one-time links

struct new_link {
  uuid id;
  user_id user;
  link_kind kind = link_kind::invite;
  timestamp expires_at{};
};

struct redeemed_link {
  user_id user;
  link_kind kind = link_kind::invite;
};

/// Links by which a person sets a password without knowing one. Stored by the token's SHA-256.
class link_store {
 public:
  virtual ~link_store() = default;
  /// Earlier open links of that user end. not_found without such a user.
  virtual status issue(const new_link& link, const std::string& token_sha256,
                       const change_origin& by) = 0;
  /// nullopt when unknown, used, expired, or the user is disabled.
  virtual std::optional<account_link> find(const std::string& token_sha256) = 0;
  /// Sets the password (and, when given, the name), ends the user's web sessions and the link.
  /// nullopt as for `find`. Of several callers with one token exactly one succeeds.
  virtual std::optional<redeemed_link> redeem(const std::string& token_sha256,
                                              const std::string& password_hash,
                                              const std::optional<std::string>& display_name,
                                              const std::string& address) = 0;
};

// ----------------------------------------------------------------------------------- audit log

struct audit_query {
  std::size_t limit = 100;             ///< 1..limits::list_page_max
  std::optional<std::int64_t> before;  ///< entries with a lower id only
  std::optional<std::string> action;
  std::optional<user_id> user;  ///< who did it, or whose account it is about
  bool with_total = true;       ///< false: `audit_page::total` need not be counted
};

struct audit_page {
  std::vector<audit_entry> entries;  ///< newest first
  std::int64_t total = 0;            ///< with the filter, ignoring `limit` and `before`
};

/// Reading is for administrators. What goes with a change of `account_store` or `link_store` is
/// written there; these are the lines that have no change.
class audit_store {
 public:
  virtual ~audit_store() = default;
  virtual audit_page list(const audit_query& q) = 0;
  /// `email` only when it is shaped like an address (people type passwords into that field).
  virtual void sign_in_failed(std::optional<user_id> account,
                              const std::optional<std::string>& email,
                              const std::string& address) = 0;
  /// At most one line a minute for each reader and thing, since pages poll.
  virtual void admin_read(const change_origin& by, const std::string& what) = 0;
};

}  // namespace samovar::core
