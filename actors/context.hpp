// What all actors share: counters, the job board, clocks and identifiers. Thread-safe; outlives
// the actor system.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <mutex>
#include <random>
#include <string>
#include <utility>

#include "actors/job_board.hpp"
#include "core/ids.hpp"
#include "core/limits.hpp"
#include "core/time.hpp"
#include "core/unit_journal.hpp"

namespace samovar::actors {

struct shared_counters {
  std::atomic<std::uint64_t> jobs_submitted{0};
  std::atomic<std::uint64_t> jobs_ended{0};
  std::atomic<std::uint64_t> units_done{0};
  std::atomic<std::uint64_t> units_failed{0};
  std::atomic<std::uint64_t> commits{0};
  std::atomic<std::uint64_t> commands_committed{0};
  std::atomic<std::uint64_t> commit_retries{0};
  std::atomic<std::uint64_t> leases_granted{0};
  std::atomic<std::uint64_t> leases_revoked{0};
  std::atomic<std::uint64_t> sessions_alive{0};
};

/// What one device has done; written by the supervisor, read by any thread.
struct device_meter {
  explicit device_meter(std::string device) : id(std::move(device)) {}
  const std::string id;
  std::atomic<std::int64_t> busy_us{0};
  std::atomic<std::int64_t> units{0};
};

struct context {
  explicit context(std::int64_t server_epoch)
      : epoch(server_epoch), random(std::random_device{}()) {}

  core::timestamp now() const {
    return std::chrono::time_point_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now());
  }
  core::uuid new_uuid() {
    const std::lock_guard lock(random_mutex);
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now().time_since_epoch());
    return core::make_uuid_v7(static_cast<std::uint64_t>(ms.count()), random(), random());
  }

  const std::int64_t epoch;
  core::unit_journal* journal = nullptr;  ///< set before any actor lives
  /// How long an asker waits for the database; set before any actor lives.
  std::chrono::milliseconds write_patience{1000 * core::limits::write_wait_s_max};
  job_board board;
  shared_counters counters;
  std::deque<device_meter> meters;     ///< one a device; filled before any actor lives
  std::atomic<int> usable_devices{0};  ///< healthy ones that no admin drains
  std::atomic<std::size_t> devices{0};
  std::atomic<bool> draining{false};
  std::atomic<std::int64_t> door_writes{0};  ///< asks on their way to persistence (back-pressure)
  std::atomic<std::int64_t> units_out{0};    ///< sent to a worker, outcome not yet taken in
  std::atomic<std::int64_t> results_pending{0};  ///< ended units whose commit is not answered yet
  std::mutex random_mutex;
  std::mt19937_64 random;
};

}  // namespace samovar::actors
