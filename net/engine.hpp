// What all connections share. No Asio here.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "net/access_control.hpp"
#include "net/authentication.hpp"
#include "net/cors.hpp"
#include "net/engine_limits.hpp"
#include "net/metrics.hpp"
#include "net/proxies.hpp"
#include "net/rate_limit.hpp"
#include "net/router.hpp"
#include "net/services.hpp"
#include "net/socket_registry.hpp"
#include "net/static_files.hpp"
#include "net/tls_certificate.hpp"
#include "net/worker_pool.hpp"

namespace samovar::net {

/// Counts open connections, in all and by address (an empty one counts in all only).
class connection_limits {
 public:
  connection_limits(std::size_t total_max, std::size_t address_max)
      : total_max_(total_max), address_max_(address_max) {}
  bool enter(const std::string& address);
  void leave(const std::string& address);

 private:
  std::size_t total_max_;
  std::size_t address_max_;
  std::mutex mutex_;
  std::size_t total_ = 0;
  std::unordered_map<std::string, std::size_t> by_address_;
};

struct engine final : access_control {
  /// Throws std::runtime_error naming the setting that can't be used.
  engine(services s, const engine_limits& l);

  void invalidate_key(core::api_key_id id) override;
  void invalidate_session(core::web_session_id id) override;
  void invalidate_user(core::user_id id) override;
  void invalidate_user_sessions(core::user_id id) override;
  void invalidate_everything() override;
  bool allow_sign_in(const std::string& account, const std::string& address) override;
  void sign_in_failed(const std::string& account, const std::string& address) override;
  bool allow_registration(const std::string& address) override;

  /// 36 characters, unique.
  std::string new_request_id() const;
  core::status check_csrf(const core::acting_user& actor, std::string_view token,
                          std::string_view origin, std::string_view referer,
                          std::string_view host) const;

  services ports;
  bool secure = false;                   ///< public_url is https: a proxy in front speaks TLS
  std::unique_ptr<tls_certificate> tls;  ///< nullptr: plain HTTP
  trusted_proxies proxies;
  cors_origins foreign_pages;  ///< that may call the API
  engine_limits limits;
  metrics stats;
  door_limits door;
  socket_registry sockets;
  connection_limits connections;
  connection_limits handshakes;    ///< those of the connections that have yet to finish theirs
  std::optional<rate_limit> keys;  ///< by API key; nullopt: no limit
  static_files files;
  router routes;
  std::atomic<bool> draining{false};
  worker_pool pool;  ///< before auth, which uses it; stopped by the server before all dies
  worker_pool passwords;
  /// Rises when open WebSockets are to look their credential up again.
  std::atomic<std::uint64_t> recheck{0};
  authentication auth;
};

/// Calls the route's handler; what it throws becomes an answer.
void run_handler(const route& r, const std::shared_ptr<const request>& q, const respond& answer);

/// /health, /healthz, /readyz, /metrics (open).
std::vector<route> engine_routes(engine& e);

}  // namespace samovar::net
