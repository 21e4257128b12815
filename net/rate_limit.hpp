// Token buckets with bounded memory. Pure: time is an argument.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

namespace samovar::net {

struct bucket_rule {
  double per_second = 1.0;  ///< refill
  double burst = 10.0;      ///< capacity
};

inline constexpr std::size_t rate_limit_keys_max = 10'000;

/// Many buckets under one rule, keyed by text (an account, an address). Thread-safe.
class rate_limit {
 public:
  using time = std::chrono::steady_clock::time_point;

  /// Remembers at most `keys_max` keys. When there are more, full buckets are forgotten first, as
  /// they limit nothing, then the fullest.
  rate_limit(bucket_rule rule, std::size_t keys_max);

  /// Takes one token; false when there is none.
  bool take(const std::string& key, time now);
  /// True when a token is there, without taking it.
  bool available(const std::string& key, time now) const;
  /// Whole seconds until one token is there again, at least 1.
  int retry_after_s(const std::string& key, time now) const;
  std::size_t size() const;

 private:
  struct bucket {
    double tokens = 0.0;
    time at{};
  };
  double level(const bucket& b, time now) const;
  void make_room(time now);

  bucket_rule rule_;
  std::size_t keys_max_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, bucket> buckets_;
};

/// The door's limits: generous for a laboratory behind one address, hard on guessing. Addresses
/// count by limit_key().
class door_limits {
 public:
  door_limits();
  /// False when the account or the address failed too often lately.
  bool allow_sign_in(const std::string& account, const std::string& address, rate_limit::time now);
  void sign_in_failed(const std::string& account, const std::string& address, rate_limit::time now);
  bool allow_registration(const std::string& address, rate_limit::time now);
  /// Called for each request refused with 401; false when the address is to get 429 instead.
  bool allow_unauthenticated(const std::string& address, rate_limit::time now);
  /// What to say in Retry-After to an address that was told 429, in seconds.
  int retry_after_s(const std::string& address, rate_limit::time now) const;

 private:
  rate_limit failures_by_account_;
  rate_limit failures_by_address_;
  rate_limit registrations_;
  rate_limit unauthenticated_;
};

/// 127.0.0.0/8, ::1 and the mapped form.
bool is_loopback(const std::string& address);

}  // namespace samovar::net
