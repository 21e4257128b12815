// What a backup says about itself: `manifest.json` and `SHA256SUMS`, its last members.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace samovar::storage {

inline constexpr int backup_format = 1;
inline constexpr const char* backup_dump_member = "database.dump";
inline constexpr const char* backup_sums_member = "SHA256SUMS";
inline constexpr const char* backup_manifest_member = "manifest.json";
inline constexpr std::string_view backup_blob_prefix = "blobs/";

struct backup_manifest {
  int format = backup_format;
  int schema = 0;                            ///< the newest migration applied
  std::string program;                       ///< version that wrote it
  std::string postgresql;                    ///< version of the server it came from
  std::string holds_until;                   ///< everything acknowledged before is in it
  std::map<std::string, std::int64_t> rows;  ///< by table
  std::uint64_t blobs = 0;
  std::uint64_t blob_bytes = 0;
  std::vector<std::string> missing;  ///< originals that rows name but the store did not have
  std::string sums_sha256;           ///< of SHA256SUMS
};

std::string manifest_text(const backup_manifest& m);
/// Throws backup_error.
backup_manifest read_manifest(std::string_view json);

/// "<64 hex digits>  <name>" a line, as sha256sum writes and checks it. Members of the archive that
/// are not listed don't count: originals deleted before the snapshot.
using backup_sums = std::map<std::string, std::string>;
std::string sums_text(const backup_sums& sums);
backup_sums read_sums(std::string_view text);

}  // namespace samovar::storage
