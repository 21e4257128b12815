// `samovar restore`: brings a backup back into an empty data directory.
//
// First the whole file is read and checked. Then `<data>/restoring` is written, which keeps servers
// out until all is there; a restore that was killed is begun anew by the next one. At the end rows
// and originals are compared, both ways.
#pragma once

#include "storage/backup_archive.hpp"
#include "storage/backup_manifest.hpp"
#include "storage/database.hpp"

namespace samovar::storage {

/// Reads everything: digests of the file and of every listed member, the manifest, the version.
/// Throws backup_error when the file may not be used, migration_error when it is from a newer
/// program.
struct checked_backup {
  backup_manifest manifest;
  backup_sums sums;
};
checked_backup check_backup(const std::filesystem::path& file);

/// Throws backup_error (also for a directory that is not empty), cluster_error. With options.url
/// the rows go there (an empty database, through superuser_url), the originals to the directory.
backup_manifest restore_backup(const std::filesystem::path& file, const database_options& options,
                               const std::string& superuser_url);

}  // namespace samovar::storage
