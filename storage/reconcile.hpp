// Does the database agree with itself and with the blobs? `samovar reconcile` asks.
//
// Works beside a running server: each comparison is one statement, and so one moment; what could
// have changed since is looked at again before it is reported. Reads as samovar_app, user by user.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "storage/blob_folder.hpp"
#include "storage/pool.hpp"

namespace samovar::storage {

struct reconcile_options {
  bool fix = false;
  /// A blob without a row counts once it is older: an upload stores the blob before the row.
  std::chrono::seconds grace = std::chrono::hours(1);
};

/// One disagreement.
struct drift {
  std::string what;    ///< a sentence without its full stop
  bool fixed = false;  ///< by this run
};

struct reconcile_report {
  std::int64_t users = 0;
  std::int64_t images = 0;
  std::int64_t jobs = 0;
  std::int64_t blobs = 0;
  std::int64_t drifts = 0;
  std::int64_t fixed = 0;
};

/// Calls `found` for each drift: users' image_count and storage_bytes against their images; each
/// image against its blob (there, and of its size) and each blob against its row; each job's
/// current_index, failed_count and end against its results and failures; outbox entries that name a
/// blob still needed. Fixed are counters (of open jobs: left to the server, which sets them right
/// when it starts), blobs of no row, and such outbox entries; never what would lose a row.
/// Throws core::store_unavailable.
reconcile_report reconcile(pool& connections, blob_folder& blobs, const reconcile_options& options,
                           const std::function<void(const drift&)>& found);

}  // namespace samovar::storage
