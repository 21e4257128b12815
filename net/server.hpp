// The HTTP and WebSocket server: listener, I/O threads, worker pool. Plain interface, no Asio.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "net/access_control.hpp"
#include "net/engine_limits.hpp"
#include "net/exchange.hpp"
#include "net/services.hpp"

namespace samovar::net {

class server {
 public:
  /// Reads the web UI into memory and starts the worker pool; nothing listens yet. What `s` refers
  /// to must outlive the server. Throws std::runtime_error naming a setting that can't be used (the
  /// TLS files, the trusted proxies).
  explicit server(services s, const engine_limits& l = {});
  ~server();  ///< stop(0 ms) when it was not called
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  /// The services as the server keeps them, for api_routes(); lives as long as the server.
  services& shared_services();
  /// What handlers call when credentials end.
  access_control& control();
  /// Before start(). /health, /healthz, /readyz, /metrics, /api/v1/ws and the web UI are added by
  /// the server itself. Throws std::invalid_argument for two routes alike.
  void add_routes(std::vector<route> routes);
  /// Binds and serves; returns the port. Throws std::runtime_error with a clear sentence when the
  /// address can't be used.
  std::uint16_t start();
  /// Reads the TLS files again when they changed, or always when `asked`; new connections get the
  /// new certificate, a pair that can't be used is logged and the old one stays. Blocks on files;
  /// one thread at a time. Nothing to do without TLS.
  void renew_certificate(bool asked);
  /// Stops accepting, closes idle connections and WebSockets, lets requests in flight end for at
  /// most `grace`, then ends all. Idempotent. Afterwards no handler runs and no thread is left.
  void stop(std::chrono::milliseconds grace);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace samovar::net
