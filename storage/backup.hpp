// `samovar backup`: database and originals in one file, while serving.
//
//   hold blobs -> copy originals in rounds -> pause writes -> snapshot -> pg_dump -> the last
//   originals -> digests, manifest -> fsync, rename -> let writes go on
//
// Originals never change and none is deleted while the sweeper is held off, so those copied in the
// rounds are right whenever the snapshot comes; what is gone by then is left unlisted. Writes are
// paused for write_pause::held_max at the most. When everything fits in that time, the backup holds
// what was acknowledged up to its end; else up to the moment the pause ended, which is told.
// Renderings can be made again and are left out.
#pragma once

#include "core/ports.hpp"
#include "storage/backup_archive.hpp"
#include "storage/backup_manifest.hpp"
#include "storage/superuser.hpp"

namespace samovar::storage {

struct backup_report {
  backup_manifest manifest;
  std::uint64_t bytes = 0;
  core::timestamp holds_until{};  ///< everything acknowledged before is in the backup
  std::chrono::milliseconds took{0};
  std::chrono::milliseconds paused{0};
};

/// Writes `file`, which must not exist; beside it `<file>.partial…` while it is being made. Throws
/// backup_error, cluster_error, core::store_unavailable; then there is no file of that name.
backup_report make_backup(const superuser_database& db, core::blob_store& blobs,
                          const std::filesystem::path& file, const std::string& program_version);

}  // namespace samovar::storage
