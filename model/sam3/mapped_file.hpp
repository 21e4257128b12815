// A file mapped for reading.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

#include "core/errors.hpp"

namespace samovar::model::sam3 {

/// Pages are read when they are touched; `forget` gives them back. A file that another process
/// shortens meanwhile kills the reader (SIGBUS), as with every mapping.
class mapped_file {
 public:
  static core::outcome<std::shared_ptr<const mapped_file>> open(const std::filesystem::path& path);
  mapped_file(const mapped_file&) = delete;
  mapped_file& operator=(const mapped_file&) = delete;
  ~mapped_file();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  /// Drops the whole pages inside `part` (of bytes()) from this process; touching reads them again.
  void forget(std::span<const std::byte> part) const;

 private:
  mapped_file(const std::byte* data, std::size_t size) : data_(data), size_(size) {}
  const std::byte* data_;
  std::size_t size_;
};

}  // namespace samovar::model::sam3
