// How long a peer may take for what it sends or takes: pauses are bounded, and over the whole of it
// so is the mean rate, or a byte now and then would hold a connection for ever. Pure.
#pragma once

#include <chrono>
#include <cstdint>

namespace samovar::net {

/// Counts only the time in which the peer is waited for.
class pace {
 public:
  using time = std::chrono::steady_clock::time_point;
  using duration = std::chrono::steady_clock::duration;

  void reset() { *this = pace{}; }
  void moved(std::uint64_t bytes) { bytes_ += bytes; }
  /// When the wait that begins now has to be over: `idle` from now, and in all waits together not
  /// more than `grace` + bytes / `rate_min` (bytes a second; 0: no such bound).
  time begin_wait(time now, duration idle, duration grace, std::uint64_t rate_min) {
    began_ = now;
    waiting_ = true;
    if (rate_min == 0) return now + idle;
    const auto earned = std::chrono::duration_cast<duration>(
        std::chrono::duration<double>(static_cast<double>(bytes_) / static_cast<double>(rate_min)));
    const auto left = grace + earned - waited_;
    return now + (left < idle ? left : idle);
  }
  void end_wait(time now) {
    if (waiting_) waited_ += now - began_;
    waiting_ = false;
  }

 private:
  std::uint64_t bytes_ = 0;
  duration waited_{};
  time began_{};
  bool waiting_ = false;
};

}  // namespace samovar::net
