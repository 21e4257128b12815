#include "storage/sweeping_thread.hpp"

#include <spdlog/spdlog.h>

namespace samovar::storage {

namespace {

constexpr auto pause = std::chrono::seconds(5);
constexpr int rounds_per_whole_sweep = 720;  // an hour

}  // namespace

sweeping_thread::sweeping_thread(pool& connections, blob_folder& blobs)
    : thread_([this, &connections, &blobs](const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        for (int round = 0; !stop.stop_requested(); ++round) {
          wake_.wait_for(lock, stop, pause, [] { return false; });
          if (stop.stop_requested()) return;
          try {
            sweep_outbox(connections, blobs);
            if (round % rounds_per_whole_sweep == 0) sweep(connections, blobs);
          } catch (const std::exception& e) {
            spdlog::warn("sweeper: {}", e.what());
          }
        }
      }) {}

}  // namespace samovar::storage
