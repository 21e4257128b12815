// The provider's discovery document and keys, kept for a while.
//
// Nothing older than the time to live is used: when the provider can't be reached then, sign-ins
// fail until it can. A key that the provider removed is therefore good for at most that long, and
// goes at once when the keys are fetched for a kid nobody knows.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "net/oidc_http.hpp"
#include "net/oidc_jose.hpp"
#include "net/oidc_protocol.hpp"
#include "net/rate_limit.hpp"

namespace samovar::net {

/// Thread-safe. Blocks while it fetches: call it on the pool.
class oidc_provider {
 public:
  using time = std::chrono::steady_clock::time_point;
  using clock = std::function<time()>;

  oidc_provider(const oidc_settings& s, http_fetcher& http, clock now);

  oidc_result<std::shared_ptr<const oidc_metadata>> metadata();
  /// The claims of a token with a good signature. An unknown kid makes the keys be fetched anew, at
  /// most five times in a row and once every 30 s.
  oidc_result<nlohmann::json> verify(const std::string& id_token);

 private:
  template <class T>
  struct cached {
    std::shared_ptr<const T> value;
    time fetched_at{};
    time failed_at{};  ///< only with `failure`
    std::string failure;
  };
  template <class T>
  bool fresh(const cached<T>& c) const;
  /// The cached value, or what `fetch` gives; one thread at a time fetches.
  template <class T, class Fetch>
  oidc_result<std::shared_ptr<const T>> get(cached<T>& c, bool anew, Fetch fetch);
  oidc_result<std::shared_ptr<const oidc_keys>> keys(bool anew);
  oidc_result<std::string> download(const std::string& url, const char* what);

  const oidc_settings& settings_;
  http_fetcher& http_;
  clock now_;
  rate_limit refetches_;
  std::mutex fetching_;  ///< held while fetching
  std::mutex mutex_;     ///< guards the two below; never held while fetching
  cached<oidc_metadata> metadata_;
  cached<oidc_keys> keys_;
};

}  // namespace samovar::net
