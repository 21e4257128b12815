// LibTorch's allocator for the CPU, counted and limited on demand.
#pragma once

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <functional>
#include <limits>

namespace samovar::model::sam3 {

class limited_memory final : public c10::Allocator {
 public:
  /// Put in LibTorch's place once; it stays there.
  static limited_memory& installed() {
    static limited_memory* const only = [] {
      auto* made = new limited_memory(c10::GetCPUAllocator());
      c10::SetCPUAllocator(made, 1);
      return made;
    }();
    return *only;
  }

  c10::DataPtr allocate(std::size_t n) const override {
    if (++calls_ == trigger_ && then_) then_();
    bytes_ += n;
    std::size_t known = largest_;
    while (known < n && !largest_.compare_exchange_weak(known, n)) {
    }
    if (n > limit_) {
      ++refusals_;
      TORCH_CHECK(false, "DefaultCPUAllocator: can't allocate memory: ", n, " bytes");
    }
    return under_->allocate(n);
  }
  c10::DeleterFnPtr raw_deleter() const override { return under_->raw_deleter(); }

  /// Larger pieces are refused as LibTorch's own allocator refuses them.
  void limit(std::size_t bytes) { limit_ = bytes; }
  void at_call(long call, std::function<void()> what) {
    then_ = std::move(what);
    trigger_ = call;
  }
  void forget() {
    calls_ = 0;
    bytes_ = 0;
    largest_ = 0;
    refusals_ = 0;
    trigger_ = -1;
    limit_ = std::numeric_limits<std::size_t>::max();
  }
  long calls() const { return calls_; }
  std::size_t bytes() const { return bytes_; }
  std::size_t largest() const { return largest_; }
  long refusals() const { return refusals_; }

 private:
  explicit limited_memory(c10::Allocator* under) : under_(under) {}
  c10::Allocator* under_;
  std::atomic<std::size_t> limit_{std::numeric_limits<std::size_t>::max()};
  std::atomic<long> trigger_{-1};
  std::function<void()> then_;
  mutable std::atomic<long> calls_{0}, refusals_{0};
  mutable std::atomic<std::size_t> bytes_{0}, largest_{0};
};

}  // namespace samovar::model::sam3
