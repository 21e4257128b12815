// Who is asking: credentials to an acting user, with a short-lived cache.
//
// A verified credential is trusted for at most one second (other processes may revoke it); a busy
// one is looked up again on the pool after half a second, so that its owner never waits. The
// invalidate functions forget at once.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/account_ports.hpp"
#include "core/accounts.hpp"
#include "core/errors.hpp"

namespace samovar::net {

class worker_pool;

enum class credential_kind : std::uint8_t { none, api_key, web_session };

struct credential {
  credential_kind kind = credential_kind::none;
  std::string_view secret;
};

/// Bearer first, then X-API-Key, then the cookie `samovar_session`; each argument a header's value.
credential find_credential(std::string_view authorization, std::string_view x_api_key,
                           std::string_view cookie);

class authentication {
 public:
  using clock = std::chrono::steady_clock;

  /// One verified credential. `actor` never changes; a changed one gets a new entry.
  struct entry {
    core::acting_user actor;
    credential_kind kind = credential_kind::none;
    std::string digest;
    std::atomic<clock::rep> checked_at{0};
    std::atomic<bool> revoked{false};
    std::atomic<bool> refreshing{false};
    std::atomic<bool> rotating{false};
    std::atomic<clock::rep> touched_at{0};
  };
  using entry_ptr = std::shared_ptr<entry>;
  /// nullptr inside: the credential is not valid.
  using callback = std::function<void(core::outcome<entry_ptr>)>;

  authentication(core::account_store& accounts, core::secrets& secrets, worker_pool& pool);

  /// The cached entry when it may be used now, else nullptr. Starts the refresh when it is due.
  entry_ptr find_fresh(const credential& c, clock::time_point now);
  /// The same for an entry the caller kept.
  bool usable(const entry_ptr& e, clock::time_point now);
  /// Looks up on the pool; `done` is called there (or at once with `unavailable`).
  void verify(const credential& c, callback done);
  /// On the pool: calls `ended` when the key or session that admitted `who` admits no longer. A
  /// session is known by its id here, since its token changes.
  void recheck(const core::acting_user& who, std::function<void()> ended);
  /// True for one caller: this request is to replace the session's token.
  bool may_rotate(entry& e) { return !e.rotating.exchange(true); }
  /// On the pool: replaces the session's token. `done` is called there (or at once) with the new
  /// one, or with nothing when another request was quicker or the database is away; the old token
  /// goes on either way.
  void rotate(const entry_ptr& e, std::function<void(std::optional<std::string>)> done);

  void invalidate_key(core::api_key_id id);
  void invalidate_session(core::web_session_id id);
  void invalidate_user(core::user_id id);
  void invalidate_sessions_of(core::user_id id);
  void invalidate_everything();
  std::size_t cached() const;

 private:
  void start_look_up(std::string key, callback done);
  void look_up(const std::string& key);
  std::optional<core::acting_user> ask_store(const std::string& key);
  entry_ptr remember(const std::string& key, const core::acting_user& actor);
  void finish(const std::string& key, core::outcome<entry_ptr> result);
  template <class Predicate>
  void invalidate(Predicate p);
  void touch(entry& e, clock::time_point now);

  core::account_store& accounts_;
  core::secrets& secrets_;
  worker_pool& pool_;
  mutable std::mutex mutex_;
  /// Keyed by kind + digest.
  std::unordered_map<std::string, entry_ptr> entries_;
  std::unordered_map<std::string, std::vector<callback>> waiting_;  ///< look-ups under way
  std::uint64_t generation_ = 0;  ///< rises with every invalidation
};

/// True when a browser's Origin (or, without it, Referer) names this server. Absent ones are fine.
bool same_origin(std::string_view origin, std::string_view referer, std::string_view host,
                 std::string_view public_url);

}  // namespace samovar::net
