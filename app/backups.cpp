// samovar backup, samovar restore: database and images to one file and back.
#include <iostream>

#include "app/commands.hpp"
#include "app/parts.hpp"
#include "storage/backup.hpp"
#include "storage/blob_folder.hpp"
#include "storage/restore.hpp"

namespace samovar::app {
namespace {

std::int64_t rows_of(const storage::backup_manifest& m) {
  std::int64_t all = 0;
  for (const auto& [table, rows] : m.rows) all += rows;
  return all;
}

std::string contents_of(const storage::backup_manifest& m) {
  return std::to_string(rows_of(m)) + " rows and " + std::to_string(m.blobs) + " images (" +
         std::to_string(m.blob_bytes) + " bytes)";
}

}  // namespace

int backup(const config::backup_command& c) {
  const auto db = storage::open_as_superuser(database_options_of(c.options), c.superuser_url);
  storage::blob_folder blobs(c.options.data_dir / "blobs", storage::blob_folder::leftovers::keep);
  const auto done = storage::make_backup(db, blobs, c.file, SAMOVAR_VERSION);
  std::cout << c.file << ": " << contents_of(done.manifest) << ", " << done.bytes << " bytes in "
            << done.took.count() << " ms; writes were paused for " << done.paused.count()
            << " ms\nholds everything acknowledged before " << core::to_rfc3339(done.holds_until)
            << "\n";
  if (done.manifest.missing.empty()) return config::exit_ok;
  for (const auto& path : done.manifest.missing)
    std::cerr << "missing or damaged: " << path << "\n";
  return complain("the backup is whole but for " + std::to_string(done.manifest.missing.size()) +
                  " image files that the blob store does not have");
}

int restore(const config::restore_command& c) {
  const auto manifest =
      storage::restore_backup(c.file, database_options_of(c.options), c.superuser_url);
  std::cout << "restored " << contents_of(manifest) << " into " << c.options.data_dir.string()
            << "\nholds everything acknowledged before " << manifest.holds_until << "\n";
  for (const auto& path : manifest.missing)
    std::cerr << "not in the backup, because it was missing then: " << path << "\n";
  return config::exit_ok;
}

}  // namespace samovar::app
