// Runs the sweeper on a thread of its own for as long as the object lives.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "storage/sweeper.hpp"

namespace samovar::storage {

/// The outbox every few seconds, orphans of a crash and expired sessions every hour. A database
/// that is away is logged and tried again.
class sweeping_thread {
 public:
  sweeping_thread(pool& connections, blob_folder& blobs);
  sweeping_thread(const sweeping_thread&) = delete;
  sweeping_thread& operator=(const sweeping_thread&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace samovar::storage
