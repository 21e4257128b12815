// Sessions and sockets: memory, fan-out and what one stalled reader costs.
//
//   engine_bench sessions|sockets|fan_out|stalled [--repeats N]
//
// The server's threads keep to one processor and the readers to another. Prints rows as JSON
// (bench/rows.hpp).
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <thread>

#include "bench/live/world.hpp"
#include "bench/rows.hpp"

namespace {

using namespace samovar;
using namespace samovar::bench;
using std::chrono::milliseconds;

constexpr int server_processor = 0;
constexpr int reader_processor = 1;
constexpr int sockets_per_user = 250;

double percentile(const std::vector<double>& sorted, double q) {
  if (sorted.empty()) throw std::runtime_error("no frame arrived");
  return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
}

template <class Done>
void wait_for(Done done, const char* what) {
  for (int i = 0; i < 60'000; ++i) {
    if (done()) return;
    std::this_thread::sleep_for(milliseconds(1));
  }
  throw std::runtime_error(std::string("this did not happen within a minute: ") + what);
}

struct silent_sink final : actors::event_sink {
  void hello(std::int64_t, const std::vector<actors::pinned_job_ptr>&) override { ++hellos; }
  void deliver(const core::event_ptr&) override {}
  void resync(std::int64_t) override {}
  void closed() override {}
  std::atomic<int> hellos{0};
};

/// What `measure` gives in a process of its own, whose memory no earlier repeat has shaped.
double in_fresh_process(double (*measure)()) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("pipe");
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork");
  if (child == 0) {
    double value = -1.0;
    try {
      value = measure();
    } catch (const std::exception& e) {
      std::fprintf(stderr, "engine_bench: %s\n", e.what());
    }
    const bool sent = write(ends[1], &value, sizeof value) == sizeof value;
    _exit(sent ? 0 : 1);
  }
  close(ends[1]);
  double value = -1.0;
  const bool got = read(ends[0], &value, sizeof value) == sizeof value;
  close(ends[0]);
  waitpid(child, nullptr, 0);
  if (!got || value < 0.0) throw std::runtime_error("a repeat failed");
  return value;
}

constexpr int sessions_count = 100'000;

/// Resident bytes that so many sessions add, each of which has had a socket that went away again.
double sessions_bytes() {
  testing::memory_job_log log;
  actors::system system(actors::system_config{}, log);
  malloc_trim(0);
  const double before = resident_bytes();
  const auto sink = std::make_shared<silent_sink>();
  for (int n = 1; n <= sessions_count; ++n) {
    system.subscribe(user_number(n), sink, std::nullopt);
    system.unsubscribe(user_number(n), sink);
  }
  wait_for([&] { return sink->hellos == sessions_count; }, "every session says hello");
  wait_for([&] { return sink.use_count() == 1; }, "every session forgets the socket");
  if (system.counters().sessions_alive != sessions_count)
    throw std::runtime_error("sessions are missing");
  const double added = resident_bytes() - before;
  system.shutdown(milliseconds(0));
  return added;
}

std::vector<row> sessions(int repeats) {
  row total{"100,000 idle user sessions, added", {}, "MB", at_most(300)};
  row each{"  each", {}, "B", {}};
  for (int i = 0; i < repeats; ++i) {
    const double added = in_fresh_process(sessions_bytes);
    total.values.push_back(added / 1e6);
    each.values.push_back(added / sessions_count);
  }
  return {total, each};
}

double socket_bytes() {
  constexpr int users = 16;  // 4,000 sockets
  world w(users, 2);
  readers r(w.port());
  for (int u = 1; u <= users; ++u) r.open(u);  // sessions and threads exist
  malloc_trim(0);
  const double before = resident_bytes();
  const auto had = static_cast<double>(r.size());
  for (int u = 1; u <= users; ++u)
    for (int k = 1; k < sockets_per_user; ++k) r.open(u);
  std::this_thread::sleep_for(milliseconds(300));
  return (resident_bytes() - before) / (static_cast<double>(r.size()) - had);
}

std::vector<row> sockets(int repeats) {
  row each{"one idle WebSocket, of 4,000 open, resident", {}, "KiB", at_most(8)};
  for (int i = 0; i < repeats; ++i) each.values.push_back(in_fresh_process(socket_bytes) / 1024.0);
  return {each};
}

/// Announces to one user after the other, `per_second` times in all, for `seconds`.
void announce_evenly(world& w, int users, double per_second, double seconds) {
  const auto start = now_ns();
  const auto count = static_cast<std::int64_t>(per_second * seconds);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto due = start + static_cast<std::int64_t>(static_cast<double>(i) * 1e9 / per_second);
    // Shorter sleeps than this end late; the few events that fall together are no burst.
    while (now_ns() < due) std::this_thread::sleep_for(std::chrono::microseconds(50));
    w.announce(1 + static_cast<int>(i % users));
  }
}

struct offered {
  double frames_per_second = 0.0;
  double delivered = 0.0;  ///< of one
  std::vector<double> latencies_ms;
};

offered offer(world& w, readers& r, int users, double frames_per_second, double seconds) {
  const auto each = static_cast<double>(r.size()) / users;
  const auto before = r.frames();
  const auto from = now_ns();
  r.start(reader_processor);
  announce_evenly(w, users, frames_per_second / each, seconds);
  const double took = static_cast<double>(now_ns() - from) / 1e9;
  std::this_thread::sleep_for(milliseconds(100));
  r.stop();
  const auto got = static_cast<double>(r.frames() - before);
  // An event that is replaced by a newer one before it is written counts as not delivered.
  return {got / took, got / (frames_per_second * seconds), r.take_latencies()};
}

/// The highest rate at which 98 % arrive. The server coalesces what it can't write in time.
double sustained(world& w, readers& r, int users) {
  double best = 0.0;
  int missed = 0;
  for (double rate = 40'000; missed < 2 && rate < 2e6; rate *= 1.15) {
    const auto got = offer(w, r, users, rate, 0.7);
    if (got.delivered >= 0.98 && got.frames_per_second >= 0.95 * rate) {
      best = std::max(best, got.frames_per_second);
      missed = 0;
    } else {
      ++missed;
    }
  }
  return best;
}

std::vector<row> fan_out(int repeats) {
  row broadcast{
      "fan-out to 1,000 clients of 4 users, one core, frames", {}, "/s", at_least(100'000)};
  row single{"  to 1,000 clients of 1,000 users", {}, "/s", {}};
  row p50{"5,000 frames/s to 1,000 clients, each of its own user, p50", {}, "ms", {}};
  row p99{"  p99", {}, "ms", at_most(1.0)};
  row burst{"  p99 when 250 frames fall due together", {}, "ms", {}};
  for (int i = 0; i < repeats; ++i) {
    {
      world w(4, 1);
      readers r(w.port());
      for (int k = 0; k < 1'000; ++k) r.open(1 + k % 4);
      broadcast.values.push_back(sustained(w, r, 4));
      burst.values.push_back(percentile(offer(w, r, 4, 5'000, 3.0).latencies_ms, 0.99));
    }
    world w(1'000, 1);
    readers r(w.port());
    for (int k = 1; k <= 1'000; ++k) r.open(k);
    single.values.push_back(sustained(w, r, 1'000));
    const auto quiet = offer(w, r, 1'000, 5'000, 3.0).latencies_ms;
    p50.values.push_back(percentile(quiet, 0.5));
    p99.values.push_back(percentile(quiet, 0.99));
  }
  return {broadcast, single, p50, p99, burst};
}

struct with_reader {
  double kept_bytes = 0.0;
  double p99_ms = 0.0;
};

/// 8,000 events of the kind that none replaces, 2,000 a second, to ten sockets of one user.
with_reader ten_readers(bool one_stalls) {
  world w(1, 1);
  readers r(w.port());
  for (int k = 0; k < 9; ++k) r.open(1);
  r.open(1, one_stalls);
  const double before = allocated_bytes();
  r.start(reader_processor);
  const auto start = now_ns();
  for (int i = 0; i < 8'000; ++i) {
    while (now_ns() < start + i * 500'000LL)
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    w.submit(1);
    w.announce(1);
  }
  std::this_thread::sleep_for(milliseconds(300));
  r.stop();
  const double kept = allocated_bytes() - before;
  return {kept, percentile(r.take_latencies(), 0.99)};
}

std::vector<row> stalled(int repeats) {
  row memory{"one stalled reader keeps", {}, "KB", at_most(256)};
  row alone{"p99 of an event, ten readers", {}, "ms", {}};
  row beside{"  nine readers beside a stalled one", {}, "ms", {}};
  row ratio{"  the one against the other", {}, "x", at_most(1.5)};
  for (int i = 0; i < repeats; ++i) {
    const auto without = ten_readers(false);
    const auto with = ten_readers(true);
    memory.values.push_back(std::max(0.0, with.kept_bytes - without.kept_bytes) / 1e3);
    alone.values.push_back(without.p99_ms);
    beside.values.push_back(with.p99_ms);
    ratio.values.push_back(with.p99_ms / without.p99_ms);
  }
  return {memory, alone, beside, ratio};
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  try {
    const int repeats = repeats_of(argc, argv);
    pin(what == "sessions" || what == "sockets" ? -1 : server_processor);
    if (what == "sessions")
      print(sessions(repeats));
    else if (what == "sockets")
      print(sockets(repeats));
    else if (what == "fan_out")
      print(fan_out(repeats));
    else if (what == "stalled")
      print(stalled(repeats));
    else
      throw std::runtime_error(
          "usage: engine_bench sessions|sockets|fan_out|stalled [--repeats N]");
  } catch (const std::exception& e) {
    std::fprintf(stderr, "engine_bench: %s\n", e.what());
    return 1;
  }
  return 0;
}
