#include "app/frames.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>

namespace samovar::app {

namespace {

using clock = std::chrono::steady_clock;

bool send_all(int socket, const char* data, std::size_t size) {
  while (size > 0) {
    const auto sent = ::send(socket, data, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

enum class got { all, closed, late };

got receive_all(int socket, char* data, std::size_t size, std::optional<clock::time_point> end) {
  while (size > 0) {
    int wait_ms = -1;
    if (end) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(*end - clock::now()).count();
      if (left <= 0) return got::late;
      wait_ms = static_cast<int>(left);
    }
    pollfd p{socket, POLLIN, 0};
    const int ready = ::poll(&p, 1, wait_ms);
    if (ready < 0 && errno != EINTR) return got::closed;
    if (ready <= 0) continue;
    const auto n = ::recv(socket, data, size, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return got::closed;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return got::all;
}

}  // namespace

bool send_frame(int socket, std::string_view text) {
  if (text.size() > frame_bytes_max) return false;
  const auto size = static_cast<std::uint32_t>(text.size());
  char head[sizeof size];
  __builtin_memcpy(head, &size, sizeof size);
  return send_all(socket, head, sizeof head) && send_all(socket, text.data(), text.size());
}

frame receive_frame(int socket, std::chrono::milliseconds wait) {
  std::optional<clock::time_point> end;
  if (wait >= std::chrono::milliseconds(0)) end = clock::now() + wait;
  const auto failed = [](got g) {
    return frame{std::nullopt, g == got::late ? frame_end::late : frame_end::closed};
  };
  std::uint32_t size = 0;
  char head[sizeof size];
  if (const auto g = receive_all(socket, head, sizeof head, end); g != got::all) return failed(g);
  __builtin_memcpy(&size, head, sizeof size);
  if (size > frame_bytes_max) return failed(got::closed);
  std::string text(size, '\0');
  if (const auto g = receive_all(socket, text.data(), size, end); g != got::all) return failed(g);
  return {std::move(text), {}};
}

}  // namespace samovar::app
