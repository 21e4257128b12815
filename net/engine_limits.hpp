// Caps and paces of the engine that tests make small; the product uses the defaults.
#pragma once

#include <chrono>
#include <cstddef>

#include "core/limits.hpp"

namespace samovar::net {

struct engine_limits {
  std::size_t connections = core::limits::connections_max;
  std::size_t connections_per_address = core::limits::connections_per_address_max;
  std::size_t handshakes = core::limits::tls_handshakes_max;
  std::size_t handshakes_per_address = core::limits::tls_handshakes_per_address_max;
  std::size_t pool_queue = core::limits::pool_queue_max;
  std::size_t password_queue = core::limits::password_queue_max;
  std::size_t outbox_bytes = core::limits::outbox_bytes_max;
  /// How often deadlines are looked at.
  std::chrono::milliseconds tick{500};
  std::chrono::milliseconds handshake{1000 * core::limits::tls_handshake_s_max};
  std::chrono::milliseconds ping{1000 * core::limits::websocket_ping_s};
  std::chrono::milliseconds socket_silence{1000 * core::limits::websocket_idle_s_max};
};

}  // namespace samovar::net
