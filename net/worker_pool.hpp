// The bounded thread pool on which everything that blocks runs: SQL, files, argon2id, renderings.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace samovar::net {

class worker_pool {
 public:
  using task = std::function<void()>;

  /// `threads` >= 1; `queue_max` bounds the tasks waiting (not those running). `niceness` 0..19 as
  /// nice(1) has it: how far the threads stand back when the processors are busy.
  worker_pool(std::size_t threads, std::size_t queue_max, int niceness = 0);
  ~worker_pool();
  worker_pool(const worker_pool&) = delete;
  worker_pool& operator=(const worker_pool&) = delete;

  /// New work: false when the queue is full or the pool has stopped; the caller answers 503.
  /// Tasks must not throw.
  bool submit(task t);
  /// The next piece of work already begun (an upload's next block, a stream's next piece). Not
  /// refused for a full queue, since each connection has at most one; false only after stop().
  bool submit_continuation(task t);
  std::size_t depth() const;
  /// Drops what waits, lets running tasks end, joins. Idempotent.
  void stop();

 private:
  bool push(task t, std::size_t limit);
  void work();

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<task> queue_;
  std::size_t queue_max_;
  int niceness_;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace samovar::net
