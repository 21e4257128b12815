// A few threads beside a device's own, for what must not keep the device waiting.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace samovar::model {

/// Runs tasks in their order, on `count` >= 1 threads that are started with the first task. Tasks
/// must not throw. Not bounded: the caller hands in no more than its device's slots.
class side_threads {
 public:
  explicit side_threads(std::size_t count) : count_(count) {}
  ~side_threads();  ///< what was posted is done first
  side_threads(const side_threads&) = delete;
  side_threads& operator=(const side_threads&) = delete;

  void post(std::function<void()> task);

 private:
  void work();

  const std::size_t count_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::thread> threads_;
  bool over_ = false;
};

inline side_threads::~side_threads() {
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  for (auto& t : threads_) t.join();
}

inline void side_threads::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    if (threads_.size() < count_) threads_.emplace_back([this] { work(); });
  }
  changed_.notify_one();
}

inline void side_threads::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return over_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    task = {};  // what it holds goes before the next is taken
    lock.lock();
  }
}

}  // namespace samovar::model
