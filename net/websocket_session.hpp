// One WebSocket of /api/v1/ws: pushes a user's events (http-api.md, WebSocket).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/accounts.hpp"
#include "core/errors.hpp"
#include "net/connection.hpp"
#include "net/http_session.hpp"
#include "net/io_thread.hpp"

namespace samovar::net {

inline constexpr std::string_view websocket_path = "/api/v1/ws";

struct websocket_request {
  std::string key;       ///< Sec-WebSocket-Key
  std::string version;   ///< Sec-WebSocket-Version
  std::string protocol;  ///< Sec-WebSocket-Protocol
  std::string request_id;
  std::uint32_t hsts_s = 0;  ///< as head_facts has it
  core::acting_user actor;
  authentication::entry_ptr credential;  ///< looked up again from time to time
  std::optional<std::string> since;
};

/// Answers 101 and takes socket and slot over. On an error (malformed_request, validation_failed,
/// rate_limited) both stay with the caller, who answers. Call on the connection's I/O thread.
core::status open_websocket(io_thread& io, connection& socket,
                            std::unique_ptr<connection_slot>& slot, websocket_request w);

}  // namespace samovar::net
