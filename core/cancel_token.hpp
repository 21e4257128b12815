// A flag that stops a running computation at its next stage, and tells that it gets on.
#pragma once

#include <atomic>
#include <cstdint>

namespace samovar::core {

/// Set from outside to stop a running computation at its next stage. Whoever computes asks between
/// its stages, so a count that grows is progress.
class cancel_token {
 public:
  void cancel() noexcept { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const noexcept {
    looks_.fetch_add(1, std::memory_order_relaxed);
    return cancelled_.load(std::memory_order_relaxed);
  }
  /// How often `cancelled` was asked.
  std::uint64_t looks() const noexcept { return looks_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> cancelled_{false};
  mutable std::atomic<std::uint64_t> looks_{0};
};

}  // namespace samovar::core
