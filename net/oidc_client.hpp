// The code flow from the first redirect to a person one may believe. Owns the sign-ins under way
// and what is known of the provider; knows nothing of accounts.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/ports.hpp"
#include "net/oidc_pending.hpp"
#include "net/oidc_provider.hpp"

namespace samovar::net {

/// What came back with the browser. `return_to` and `link` are the begun sign-in's, when the state
/// was this browser's.
struct oidc_arrival {
  std::string return_to = "/";
  std::optional<oidc_linking> link;
  oidc_result<oidc_person> who = oidc_refusal{};
};

/// Thread-safe. begin and finish may block on the provider: call them on the pool. At most
/// `at_once_max` calls at a time do; more are refused as busy, so that a provider that hangs leaves
/// threads for everything else.
class oidc_client {
 public:
  using time = oidc_provider::time;

  oidc_client(oidc_settings s, std::unique_ptr<http_fetcher> http, const core::secrets& secrets,
              std::size_t at_once_max, oidc_provider::clock now = &std::chrono::steady_clock::now);

  const oidc_settings& settings() const { return settings_; }
  /// Under which browsers reach this server, "https://segment.example.org"; before it is set every
  /// sign-in is refused as unavailable.
  void set_base_url(std::string url);

  struct begun {
    std::string location;  ///< where the browser goes
    std::string cookie;    ///< what binds the sign-in to the browser
  };
  /// `cookie`: the value that the browser shows, or empty. It is kept while a sign-in of it is
  /// under way (another tab), else there is a new one.
  oidc_result<begun> begin(const std::string& cookie, const std::string& return_to,
                           const std::string& address, std::optional<oidc_linking> link);
  /// `query`: the callback's parameters; `cookie` as above.
  oidc_arrival finish(const std::map<std::string, std::string>& query, const std::string& cookie,
                      const std::string& address, double now_unix_s);
  /// At shutdown: nobody waits for the provider any more.
  void stop() noexcept { http_->stop(); }
  /// True when a sign-in of this browser is still under way.
  bool awaits(const std::string& cookie);

 private:
  class turn;
  std::string redirect_uri() const;
  oidc_result<oidc_person> believe(const std::map<std::string, std::string>& query,
                                   const pending_sign_in& begun, double now_unix_s);
  oidc_result<oidc_tokens> redeem(const oidc_metadata& m, const std::string& code,
                                  const std::string& verifier);
  std::optional<oidc_refusal> ask_userinfo(const oidc_metadata& m, const std::string& access_token,
                                           nlohmann::json& claims);

  const oidc_settings settings_;
  const std::unique_ptr<http_fetcher> http_;
  const core::secrets& secrets_;
  const std::size_t at_once_max_;
  const oidc_provider::clock now_;
  oidc_provider provider_;
  pending_sign_ins pending_;
  rate_limit failures_;  ///< by address
  std::atomic<std::size_t> at_once_{0};
  mutable std::mutex mutex_;
  std::string base_url_;
};

}  // namespace samovar::net
