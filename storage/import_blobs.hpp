// Where the single-user application's files come from.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace samovar::storage {

/// Reads whole files by the paths the old rows name, such as "images/<uuid>.jpg".
class import_blob_source {
 public:
  virtual ~import_blob_source() = default;
  /// nullopt when there is no such file; std::system_error when it is there but can't be read.
  virtual std::optional<std::string> read(const std::string& path) = 0;
};

/// A folder copied from the container.
class import_folder final : public import_blob_source {
 public:
  explicit import_folder(std::filesystem::path root) : root_(std::move(root)) {}
  /// A path that would lead out of the folder counts as absent.
  std::optional<std::string> read(const std::string& path) override;

 private:
  std::filesystem::path root_;
};

}  // namespace samovar::storage
