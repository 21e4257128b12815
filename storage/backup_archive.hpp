// The container of a backup: a tar file with 73 bytes behind its end, "sha256 " and the digest of
// everything before. `tar tf` reads it; one changed or missing byte anywhere is noticed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace samovar::storage {

/// The backup can't be made or used; one sentence for the operator.
struct backup_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// SHA-256 over bytes that come in pieces.
class running_digest {
 public:
  running_digest();
  ~running_digest();
  running_digest(const running_digest&) = delete;
  running_digest& operator=(const running_digest&) = delete;
  void add(std::string_view bytes);
  std::string hex();  ///< ends the digest

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// Writes members one after another. Throws backup_error when the disk is full and the like.
class backup_writer {
 public:
  /// Makes (or empties) the file, mode 0600, and locks it; refuses while another process has it.
  explicit backup_writer(const std::filesystem::path& file);
  ~backup_writer();
  backup_writer(const backup_writer&) = delete;
  backup_writer& operator=(const backup_writer&) = delete;

  /// Calls `next(offset, count)` until `size` bytes have come; each call gives 1 to `count` bytes.
  /// Returns the member's SHA-256 (64 hex digits). A short answer is an error.
  std::string add(const std::string& name, std::uint64_t size,
                  const std::function<std::string(std::uint64_t offset, std::size_t count)>& next);
  std::string add(const std::string& name, std::string_view bytes);
  /// Brings what was written so far to the disk.
  void sync();
  /// Bytes written since the last sync().
  std::uint64_t unsynced() const;
  /// Ends the archive, appends the digest, and brings all to the disk.
  void finish();
  std::uint64_t bytes() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// Goes through the members in order: `member(name, size)` may give a sink for the bytes (an empty
/// function: they are only read). Checks the digest over the whole file at the end. Throws
/// backup_error for anything that is not a whole, unchanged archive, and passes on what the
/// functions throw.
using backup_sink = std::function<void(std::string_view bytes)>;
void read_backup(
    const std::filesystem::path& file,
    const std::function<backup_sink(const std::string& name, std::uint64_t size)>& member,
    const std::function<void(const std::string& name)>& end_of_member);

}  // namespace samovar::storage
