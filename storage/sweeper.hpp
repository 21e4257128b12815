// Deletes blobs nobody needs: those in the outbox, and orphans a crash left.
#pragma once

#include <chrono>

#include "storage/blob_folder.hpp"
#include "storage/pool.hpp"

namespace samovar::storage {

struct sweep_report {
  std::size_t outbox = 0;   ///< blobs deleted because a commit said so
  std::size_t orphans = 0;  ///< blobs of no row, older than the grace
};

/// Empties the outbox (call it every few seconds). Throws core::store_unavailable. While a backup
/// runs, neither of the two deletes anything.
std::size_t sweep_outbox(pool& connections, core::blob_store& blobs);

/// Looks at every blob older than `grace` and deletes those whose image or result is gone; also
/// ends expired web sessions. Reads the whole folder: call it once an hour.
sweep_report sweep(pool& connections, blob_folder& blobs,
                   std::chrono::seconds grace = std::chrono::hours(1));

}  // namespace samovar::storage
