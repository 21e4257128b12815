#include "bench/live/world.hpp"

#include <malloc.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "tests/net/engine/fake_stores.hpp"

namespace samovar::bench {

core::user_id user_number(int n) { return testing::numbered<core::user_id>(n); }

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

void pin(int processor) {
  const auto count = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  cpu_set_t set;
  CPU_ZERO(&set);
  for (int i = 0; i < count; ++i)
    if (processor < 0 || i == processor % count) CPU_SET(static_cast<std::size_t>(i), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) throw std::runtime_error("sched_setaffinity");
}

double resident_bytes() {
  std::ifstream in("/proc/self/statm");
  double total = 0, resident = 0;
  in >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double allocated_bytes() {
  const auto all = mallinfo2();
  return static_cast<double>(all.uordblks + all.hblkhd);
}

world::world(int users, int io_threads) {
  for (int n = 1; n <= users; ++n) {
    core::acting_user actor;
    actor.id = user_number(n);
    actor.via_key = testing::numbered<core::api_key_id>(n);
    accounts_.add_key("key-" + std::to_string(n), actor);
  }
  system_ = std::make_unique<actors::system>(actors::system_config{}, log_);
  net::settings settings;
  settings.port = 0;
  settings.io_threads = io_threads;
  net::services s{settings,
                  *system_,
                  secrets_,
                  accounts_,
                  tests::unused_images(),
                  tests::unused_notes(),
                  tests::unused_jobs(),
                  tests::unused_results(),
                  blobs_,
                  tests::unused_codec(),
                  tests::unused_links(),
                  tests::unused_audit(),
                  [] { return true; },
                  {},
                  {},
                  [] { return std::uint64_t{1'764'000'000'000'000}; }};
  server_ = std::make_unique<net::server>(std::move(s));
  port_ = server_->start();
}

world::~world() {
  server_->stop(std::chrono::milliseconds(0));
  server_.reset();
  system_->shutdown(std::chrono::milliseconds(0));
}

void world::announce(int user) {
  core::quota_use use;
  use.image_count = 12'345'678;
  use.storage_bytes = now_ns();
  use.max_images = 1'000'000'000;
  use.max_storage_mb = 1'000'000'000;
  use.max_concurrent_jobs = 1'000;
  system_->announce_quota(user_number(user), use);
}

void world::submit(int user) {
  system_->submit(testing::make_job(++jobs_, 1, user_number(user)),
                  actors::reply<actors::submit_answer>([](auto) {}));
}

readers::readers(std::uint16_t port) : port_(port), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (epoll_ < 0) throw std::runtime_error("epoll_create1");
}

readers::~readers() {
  stop();
  for (const auto& c : connections_) close(c->fd);
  close(epoll_);
}

void readers::open(int user, bool stalled) {
  auto c = std::make_unique<connection>();
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (stalled) {
    const int small = 4096;
    setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  }
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port_);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(c->fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0)
    throw std::runtime_error("connect");
  const std::string request =
      "GET /api/v1/ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Authorization: Bearer key-" +
      std::to_string(user) + "\r\n\r\n";
  if (send(c->fd, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size()))
    throw std::runtime_error("send");
  std::string answer;
  std::array<char, 4096> part{};
  while (answer.find("\"hello\"") == std::string::npos || answer.back() != '}') {
    const auto n = recv(c->fd, part.data(), part.size(), 0);
    if (n <= 0) throw std::runtime_error("the socket was not opened: " + answer);
    answer.append(part.data(), static_cast<std::size_t>(n));
  }
  if (!stalled) {
    epoll_event e{};
    e.events = EPOLLIN;
    e.data.ptr = c.get();
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, c->fd, &e) != 0) throw std::runtime_error("epoll_ctl");
  }
  connections_.push_back(std::move(c));
}

void readers::start(int processor) {
  over_ = false;
  thread_ = std::thread([this, processor] { run(processor); });
}

void readers::stop() {
  over_ = true;
  if (thread_.joinable()) thread_.join();
}

std::vector<double> readers::take_latencies() {
  auto out = std::move(latencies_ms_);
  latencies_ms_.clear();
  std::sort(out.begin(), out.end());
  return out;
}

void readers::run(int processor) {
  pin(processor);
  std::array<epoll_event, 256> events{};
  while (!over_) {
    const int n = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 20);
    for (int i = 0; i < n; ++i) read(*static_cast<connection*>(events[i].data.ptr));
  }
}

void readers::read(connection& c) {
  std::array<char, 65536> part{};
  const auto n = recv(c.fd, part.data(), part.size(), MSG_DONTWAIT);
  if (n <= 0) return;
  std::string_view data(part.data(), static_cast<std::size_t>(n));
  std::string joined;
  if (!c.pending.empty()) {
    joined = std::move(c.pending);
    joined += data;
    data = joined;
    c.pending.clear();
  }
  while (data.size() >= 2) {  // frames of a server are not masked, and short ones come whole
    std::size_t size = static_cast<unsigned char>(data[1]) & 0x7F;
    std::size_t head = 2;
    if (size == 126 || size == 127) {
      const std::size_t more = size == 126 ? 2 : 8;
      if (data.size() < head + more) break;
      size = 0;
      for (std::size_t i = 0; i < more; ++i)
        size = size << 8 | static_cast<unsigned char>(data[head + i]);
      head += more;
    }
    if (data.size() < head + size) break;
    take(data.substr(head, size));
    data.remove_prefix(head + size);
  }
  c.pending = data;
}

void readers::take(std::string_view text) {
  ++frames_;
  if (text.find("\"resync\"") != std::string_view::npos) ++resyncs_;
  static constexpr std::string_view name = "\"storage_bytes\":";
  const auto at = text.find(name);
  if (at == std::string_view::npos) return;
  std::int64_t sent = 0;
  std::from_chars(text.data() + at + name.size(), text.data() + text.size(), sent);
  latencies_ms_.push_back(static_cast<double>(now_ns() - sent) / 1e6);
}

}  // namespace samovar::bench
