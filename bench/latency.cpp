// From the submission of a job of one image to job.completed on a WebSocket, one at a time.
//
//   samovar_latency HOST PORT KEY IMAGE [--count N]
//
// Two blocking connections and no library in between, so that what is measured is the server.
// Prints JSON: percentiles in microseconds of request sent -> 201 read, and -> job.completed read.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using steady = std::chrono::steady_clock;

class stream {
 public:
  stream(const char* host, const char* port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
    const int on = 1;
    const timeval limit{10, 0};
    if (fd_ < 0 || inet_pton(AF_INET, host, &to.sin_addr) != 1 ||
        connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0 ||
        setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0)
      throw std::runtime_error("cannot connect");
  }
  ~stream() { close(fd_); }
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;

  void write(std::string_view text) {
    if (send(fd_, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size()))
      throw std::runtime_error("cannot send");
  }
  /// Reads until `enough(everything since the last call)`, which is then forgotten.
  template <class Enough>
  std::string read_until(Enough enough) {
    while (!enough(pending_)) {
      std::array<char, 16384> part{};
      const auto n = recv(fd_, part.data(), part.size(), 0);
      if (n <= 0) throw std::runtime_error("nothing came within 10 s, after: " + pending_);
      pending_.append(part.data(), static_cast<std::size_t>(n));
    }
    return std::exchange(pending_, {});
  }

 private:
  int fd_;
  std::string pending_;
};

/// A whole answer with Content-Length.
bool whole(const std::string& text) {
  const auto end = text.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  const auto at = text.find("Content-Length: ");
  if (at == std::string::npos || at > end) throw std::runtime_error("no length in: " + text);
  return text.size() >= end + 4 + std::strtoull(text.c_str() + at + 16, nullptr, 10);
}

void print(const char* name, std::vector<double> us, const char* end) {
  std::sort(us.begin(), us.end());
  const auto at = [&](double q) {
    return us[static_cast<std::size_t>(q * static_cast<double>(us.size() - 1))];
  };
  std::printf("\"%s_p50_us\":%.0f,\"%s_p99_us\":%.0f%s", name, at(0.5), name, at(0.99), end);
}

void run(char** argv, int count) {
  const std::string credential = std::string("Authorization: Bearer ") + argv[3] + "\r\n";
  stream events(argv[1], argv[2]), requests(argv[1], argv[2]);
  events.write(
      "GET /api/v1/ws HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
      credential + "\r\n");
  events.read_until([](const std::string& s) { return s.find("\"hello\"") != std::string::npos; });
  const std::string body = std::string("{\"image_ids\":[\"") + argv[4] + "\"],\"force_all\":true}";
  const std::string request =
      "POST /api/v1/jobs HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n" +
      credential + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  const auto us_since = [](steady::time_point from) {
    return std::chrono::duration<double, std::micro>(steady::now() - from).count();
  };
  std::vector<double> answered, completed;
  for (int i = 0; i < count; ++i) {
    const auto from = steady::now();
    requests.write(request);
    const auto answer = requests.read_until(whole);
    answered.push_back(us_since(from));
    if (answer.find(" 201 ") == std::string::npos) throw std::runtime_error("answered " + answer);
    // The terminal event is the last that a job has, and the next job waits for it.
    events.read_until(
        [](const std::string& s) { return s.find("\"job.completed\"") != std::string::npos; });
    completed.push_back(us_since(from));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  std::printf("{\"count\":%d,", count);
  print("answered", std::move(answered), ",");
  print("completed", std::move(completed), "}\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5 && argc != 7) {
    std::fprintf(stderr, "usage: samovar_latency HOST PORT KEY IMAGE [--count N]\n");
    return 2;
  }
  try {
    run(argv, argc == 7 ? std::max(10, std::atoi(argv[6])) : 200);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "samovar_latency: %s\n", e.what());
    return 1;
  }
  return 0;
}
