#include "model/idle_runner.hpp"

#include <malloc.h>
#include <spdlog/spdlog.h>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace samovar::model {
namespace {

using factory = std::function<std::unique_ptr<core::unit_runner>()>;
using steady = std::chrono::steady_clock;

class idle_runner final : public core::unit_runner {
 public:
  idle_runner(factory make, std::chrono::milliseconds idle)
      : make_(std::move(make)),
        idle_(idle),
        inner_(make_()),
        identity_(inner_->identity()),
        last_(steady::now()),
        watcher_([this] { watch(); }) {}

  ~idle_runner() override {
    {
      const std::lock_guard hold(guard_);
      ending_ = true;
    }
    changed_.notify_all();
    watcher_.join();
  }
  idle_runner(const idle_runner&) = delete;
  idle_runner& operator=(const idle_runner&) = delete;

  std::string identity() const override {
    const std::lock_guard hold(guard_);
    return identity_;
  }

  core::unit_result run(const core::unit_request& unit, const core::cancel_token& cancel) override {
    const std::lock_guard hold(guard_);
    if (!load()) return not_loaded();
    auto out = inner_->run(unit, cancel);
    worked();
    return out;
  }

  void prepare(const std::shared_ptr<const core::unit_request>& unit) override {
    const std::lock_guard hold(guard_);
    if (inner_) inner_->prepare(unit);
  }

  // `done` may come later, on a thread of the inner runner's; that one waits for it when it is
  // destroyed, and `done` takes no lock of ours.
  void start(const std::shared_ptr<const core::unit_request>& unit,
             const core::cancel_token& cancel,
             std::function<void(core::unit_result)> done) override {
    const std::lock_guard hold(guard_);
    if (!load()) return done(not_loaded());
    inner_->start(unit, cancel, std::move(done));
    worked();
  }

 private:
  static core::unit_failure not_loaded() { return {"The model could not be loaded again", true}; }

  bool load() {
    if (inner_) return true;
    try {
      inner_ = make_();
    } catch (const std::exception& e) {
      spdlog::error("idle_runner: the model could not be loaded again: {}", e.what());
      return false;
    }
    identity_ = inner_->identity();
    spdlog::info("idle_runner: the model is loaded again ({})", identity_);
    return true;
  }

  void worked() {
    last_ = steady::now();
    changed_.notify_all();
  }

  void watch() {
    std::unique_lock hold(guard_);
    while (!ending_) {
      if (!inner_) {
        changed_.wait(hold);
      } else if (const auto due = last_ + idle_; steady::now() < due) {
        changed_.wait_until(hold, due);
      } else {
        inner_.reset();
        // Freed weights lie in pieces in the heap; without this much of them would stay there.
        malloc_trim(0);
        spdlog::info("idle_runner: nothing to do for {} s, the model is unloaded",
                     std::chrono::duration_cast<std::chrono::seconds>(idle_).count());
      }
    }
  }

  factory make_;
  std::chrono::milliseconds idle_;
  mutable std::mutex guard_;  ///< held while a unit runs, so that nothing is unloaded under it
  std::condition_variable changed_;
  std::unique_ptr<core::unit_runner> inner_;
  std::string identity_;
  steady::time_point last_;
  bool ending_ = false;
  std::thread watcher_;  ///< last: it uses the others
};

}  // namespace

std::unique_ptr<core::unit_runner> make_idle_runner(factory make, std::chrono::milliseconds idle) {
  return std::make_unique<idle_runner>(std::move(make), idle);
}

}  // namespace samovar::model
