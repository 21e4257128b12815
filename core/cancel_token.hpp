// A flag that stops a running computation at its next stage.
#pragma once

#include <atomic>

namespace samovar::core {

/// Set from outside to stop a running computation at its next stage.
class cancel_token {
 public:
  void cancel() noexcept { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const noexcept { return cancelled_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> cancelled_{false};
};

}  // namespace samovar::core
