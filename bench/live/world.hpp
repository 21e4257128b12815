// The real server and the real actors in this process, over stores in memory: what sockets and
// sessions cost without a database beside them.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "actors/system.hpp"
#include "net/server.hpp"
#include "tests/actors/fakes.hpp"
#include "tests/net/engine/fakes.hpp"

namespace samovar::bench {

/// User n of 1, 2, 3 …; their API key is "key-n".
core::user_id user_number(int n);

class world {
 public:
  /// No devices: jobs that are submitted stay queued. Threads are started on the caller's
  /// processors.
  explicit world(int users, int io_threads);
  ~world();

  actors::system& system() { return *system_; }
  std::uint16_t port() const { return port_; }
  /// Sends quota.changed to the user's sockets: a frame of about 200 bytes that carries the time.
  void announce(int user);
  /// Stores a job of one image for the user: its job.queued can't be replaced by a newer event.
  void submit(int user);

 private:
  testing::memory_job_log log_;
  tests::fake_secrets secrets_;
  tests::fake_accounts accounts_;
  tests::fake_blobs blobs_;
  std::unique_ptr<actors::system> system_;
  std::unique_ptr<net::server> server_;
  std::uint16_t port_ = 0;
  int jobs_ = 0;
};

/// Open WebSockets, and a thread that reads their frames.
class readers {
 public:
  explicit readers(std::uint16_t port);
  ~readers();
  readers(const readers&) = delete;
  readers& operator=(const readers&) = delete;

  /// Opens one socket of the user and waits for the hello. One that is `stalled` reads nothing
  /// more.
  void open(int user, bool stalled = false);
  /// Reads on a thread of its own from now on, pinned to `processor` where there are several.
  void start(int processor);
  void stop();

  std::uint64_t frames() const { return frames_; }
  std::uint64_t resyncs() const { return resyncs_; }
  std::size_t size() const { return connections_.size(); }
  /// How long frames of world::announce took since the last call, ms, sorted. Only once stopped.
  std::vector<double> take_latencies();

 private:
  struct connection {
    int fd = -1;
    std::string pending;  ///< the beginning of a frame
  };
  void run(int processor);
  void read(connection& c);
  void take(std::string_view text);

  std::uint16_t port_;
  int epoll_ = -1;
  std::vector<std::unique_ptr<connection>> connections_;
  std::atomic<std::uint64_t> frames_{0};
  std::atomic<std::uint64_t> resyncs_{0};
  std::atomic<bool> over_{false};
  std::vector<double> latencies_ms_;
  std::thread thread_;
};

/// This thread and those it starts run on this processor only; -1: on any.
void pin(int processor);
std::int64_t now_ns();
/// Resident memory of this process, bytes.
double resident_bytes();
/// What malloc has given out, bytes.
double allocated_bytes();

}  // namespace samovar::bench
