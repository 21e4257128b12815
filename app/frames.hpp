// Whole messages over a stream socket: a length, then that many bytes.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace samovar::app {

inline constexpr std::size_t frame_bytes_max = 256ULL * 1024 * 1024;

/// False when the other side is gone. Never raises SIGPIPE.
bool send_frame(int socket, std::string_view text);
enum class frame_end { closed, late };
struct frame {
  std::optional<std::string> text;
  frame_end why = frame_end::closed;  ///< only without a text
};
/// Waits for a whole frame; `wait` < 0 for ever. A length over frame_bytes_max reads as closed.
frame receive_frame(int socket, std::chrono::milliseconds wait);

}  // namespace samovar::app
