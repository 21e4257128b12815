// core::blob_store on a folder.
//
// Keys are relative paths of segments made of [A-Za-z0-9._-], none of them "." or "..", nor
// beginning with a dot. A blob appears whole or not at all: temporary name, fsync, rename, fsync of
// the folder. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>

#include "core/ports.hpp"

namespace samovar::storage {

class blob_folder final : public core::blob_store {
 public:
  /// What to do with files in spool: a server clears what an earlier run left; a tool that may work
  /// beside a server keeps its hands off.
  enum class leftovers { clear, keep };

  /// Creates `root` (0700) with `spool` inside it. Throws std::filesystem::filesystem_error when it
  /// can't.
  explicit blob_folder(const std::filesystem::path& root, leftovers spool = leftovers::clear);

  std::filesystem::path new_spool_file() override;
  core::status put_file(const std::string& key, const std::filesystem::path& spool_file) override;
  core::status put_bytes(const std::string& key, std::string_view bytes) override;
  std::optional<std::string> read(const std::string& key) override;
  std::optional<std::string> read_range(const std::string& key, std::uint64_t offset,
                                        std::size_t count) override;
  std::optional<std::uint64_t> size_of(const std::string& key) override;
  void remove(const std::string& key) override;
  std::uint64_t free_bytes() override;

  /// Calls `f` for every key whose blob is older than `age`.
  void for_each_older_than(std::chrono::seconds age,
                           const std::function<void(const std::string& key)>& f) const;

  static bool valid_key(std::string_view key);

 private:
  std::filesystem::path root_;
  std::atomic<std::uint64_t> counter_{0};
};

}  // namespace samovar::storage
