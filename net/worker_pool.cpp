#include "net/worker_pool.hpp"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace samovar::net {

worker_pool::worker_pool(std::size_t threads, std::size_t queue_max, int niceness)
    : queue_max_(queue_max), niceness_(niceness) {
  threads = std::max<std::size_t>(threads, 1);
  threads_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

worker_pool::~worker_pool() { stop(); }

bool worker_pool::submit(task t) { return push(std::move(t), queue_max_); }

bool worker_pool::submit_continuation(task t) {
  return push(std::move(t), std::numeric_limits<std::size_t>::max());
}

bool worker_pool::push(task t, std::size_t limit) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || queue_.size() >= limit) return false;
    queue_.push_back(std::move(t));
  }
  wake_.notify_one();
  return true;
}

std::size_t worker_pool::depth() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

void worker_pool::stop() {
  std::deque<task> dropped;  // destroyed outside the lock: tasks may answer as they die
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(queue_);
  }
  wake_.notify_all();
  for (auto& t : threads_)
    if (t.joinable()) t.join();
}

void worker_pool::work() {
  // On Linux a thread has a niceness of its own; 0 names the calling one.
  if (niceness_ > 0 && setpriority(PRIO_PROCESS, 0, niceness_) != 0)
    spdlog::warn("a worker thread could not lower its priority");
  for (;;) {
    task next;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopped_ || !queue_.empty(); });
      if (queue_.empty()) return;
      next = std::move(queue_.front());
      queue_.pop_front();
    }
    next();
  }
}

}  // namespace samovar::net
