#include "net/rate_limit.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "net/proxies.hpp"

namespace samovar::net {

namespace {

constexpr std::size_t keys_max = rate_limit_keys_max;
constexpr bucket_rule per_account{10.0 / 60.0, 10.0};
constexpr bucket_rule per_address{100.0 / 60.0, 100.0};
constexpr bucket_rule registrations{20.0 / 60.0, 60.0};
constexpr bucket_rule unauthenticated{50.0, 500.0};

}  // namespace

rate_limit::rate_limit(bucket_rule rule, std::size_t max) : rule_(rule), keys_max_(max) {}

double rate_limit::level(const bucket& b, time now) const {
  const double passed = std::chrono::duration<double>(now - b.at).count();
  return std::min(rule_.burst, b.tokens + std::max(0.0, passed) * rule_.per_second);
}

bool rate_limit::take(const std::string& key, time now) {
  const std::lock_guard lock(mutex_);
  auto it = buckets_.find(key);
  if (it == buckets_.end()) {
    if (buckets_.size() >= keys_max_) make_room(now);
    it = buckets_.emplace(key, bucket{rule_.burst, now}).first;
  }
  const double tokens = level(it->second, now);
  const bool ok = tokens >= 1.0;
  it->second = {ok ? tokens - 1.0 : tokens, now};
  return ok;
}

bool rate_limit::available(const std::string& key, time now) const {
  const std::lock_guard lock(mutex_);
  const auto it = buckets_.find(key);
  return it == buckets_.end() || level(it->second, now) >= 1.0;
}

int rate_limit::retry_after_s(const std::string& key, time now) const {
  const std::lock_guard lock(mutex_);
  const auto it = buckets_.find(key);
  if (it == buckets_.end()) return 1;
  const double missing = 1.0 - level(it->second, now);
  return std::max(1, static_cast<int>(std::ceil(missing / rule_.per_second)));
}

std::size_t rate_limit::size() const {
  const std::lock_guard lock(mutex_);
  return buckets_.size();
}

void rate_limit::make_room(time now) {
  std::erase_if(buckets_, [&](const auto& kv) { return level(kv.second, now) >= rule_.burst; });
  if (buckets_.size() < keys_max_) return;
  // An attack with very many keys. An eighth is forgotten at once, or every new key would look at
  // all of them; the fullest, which have been used least.
  const std::size_t leaving = std::max<std::size_t>(1, keys_max_ / 8);
  std::vector<double> levels;
  levels.reserve(buckets_.size());
  for (const auto& kv : buckets_) levels.push_back(level(kv.second, now));
  const auto edge = levels.end() - static_cast<std::ptrdiff_t>(leaving);
  std::nth_element(levels.begin(), edge, levels.end());
  std::size_t left = leaving;
  std::erase_if(buckets_, [&](const auto& kv) {
    return left > 0 && level(kv.second, now) >= *edge && left-- > 0;
  });
}

door_limits::door_limits()
    : failures_by_account_(per_account, keys_max),
      failures_by_address_(per_address, keys_max),
      registrations_(registrations, keys_max),
      unauthenticated_(unauthenticated, keys_max) {}

bool door_limits::allow_sign_in(const std::string& account, const std::string& address,
                                rate_limit::time now) {
  return failures_by_account_.available(account, now) &&
         failures_by_address_.available(limit_key(address), now);
}

void door_limits::sign_in_failed(const std::string& account, const std::string& address,
                                 rate_limit::time now) {
  failures_by_account_.take(account, now);
  failures_by_address_.take(limit_key(address), now);
}

bool door_limits::allow_registration(const std::string& address, rate_limit::time now) {
  return registrations_.take(limit_key(address), now);
}

bool door_limits::allow_unauthenticated(const std::string& address, rate_limit::time now) {
  return is_loopback(address) || unauthenticated_.take(limit_key(address), now);
}

int door_limits::retry_after_s(const std::string& address, rate_limit::time now) const {
  // An account gets one more try every so many seconds, whatever its address.
  constexpr int of_account = static_cast<int>(1.0 / per_account.per_second);
  const auto key = limit_key(address);
  int wait = of_account;
  for (const auto* limit : {&failures_by_address_, &registrations_, &unauthenticated_})
    wait = std::max(wait, limit->retry_after_s(key, now));
  return wait;
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1" || address.starts_with("::ffff:127.");
}

}  // namespace samovar::net
