// Sign-ins under way: what was sent with the browser, kept until it comes back. In memory: a
// restart ends them, and their people start again.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/ids.hpp"

namespace samovar::net {

/// A signed-in person who links the account at the provider to the one here.
struct oidc_linking {
  core::user_id user;
  core::web_session_id session;
};

struct pending_sign_in {
  std::string nonce;
  std::string verifier;   ///< PKCE
  std::string binding;    ///< SHA-256 of the cookie of the browser that began
  std::string return_to;  ///< a path of this site
  std::string address;    ///< of the browser; bounds what one address can take up
  std::optional<oidc_linking> link;
};

/// Thread-safe; time is an argument. At most `total_max` entries, and `address_max` of one address;
/// beyond that the oldest (of that address) is forgotten.
class pending_sign_ins {
 public:
  using time = std::chrono::steady_clock::time_point;
  static constexpr auto lifetime = std::chrono::minutes(10);

  explicit pending_sign_ins(std::size_t total_max = 10'000, std::size_t address_max = 1'000)
      : total_max_(total_max), address_max_(address_max) {}

  void add(const std::string& state, pending_sign_in entry, time now);
  /// The entry, once: it is gone afterwards. nullopt when the state is unknown, used or too old, or
  /// when the browser is another one (then the entry stays for its own).
  std::optional<pending_sign_in> take(const std::string& state, const std::string& binding,
                                      time now);
  /// True when an entry of this browser is waiting.
  bool knows_browser(const std::string& binding, time now);
  std::size_t size() const;

 private:
  struct kept {
    std::string state;
    pending_sign_in entry;
    time at;
  };
  using position = std::list<kept>::iterator;
  void forget(position p);
  void forget_old(time now);

  std::size_t total_max_;
  std::size_t address_max_;
  mutable std::mutex mutex_;
  std::list<kept> in_order_;  ///< oldest first
  std::unordered_map<std::string, position> by_state_;
  std::unordered_map<std::string, std::size_t> by_address_;
  std::unordered_map<std::string, std::size_t> by_browser_;
};

}  // namespace samovar::net
