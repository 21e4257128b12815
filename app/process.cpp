#include "app/process.hpp"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <ctime>

#include "core/limits.hpp"

namespace samovar::app {

namespace {

constexpr timespec look_every{5, 0};
/// Files, database connections, libraries: with room to spare.
constexpr rlim_t descriptors_besides_connections = 2'000;

}  // namespace

sigset_t block_signals(bool with_hangup) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  if (with_hangup) sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

void wait_for_stop(const sigset_t& signals, const std::function<void(bool asked)>& look_after) {
  for (;;) {
    const int received = sigtimedwait(&signals, nullptr, &look_every);
    if (received == SIGINT || received == SIGTERM) {
      spdlog::info("{}: finishing what runs", received == SIGINT ? "SIGINT" : "SIGTERM");
      return;
    }
    look_after(received == SIGHUP);
  }
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = core::limits::connections_max + descriptors_besides_connections;
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min(wanted, limit.rlim_max);
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted)
    spdlog::warn("only {} files and connections can be open at a time (ulimit -n)", limit.rlim_cur);
}

}  // namespace samovar::app
