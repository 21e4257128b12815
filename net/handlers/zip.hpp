// A ZIP archive written piece by piece (APPNOTE 6.3.3): entries are stored, not deflated, because
// PNGs are compressed already and label files are small.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace samovar::net {

/// CRC-32 as ZIP and PNG use it (ISO 3309).
std::uint32_t crc32(std::string_view bytes);

/// With more than 65,534 entries or 4 GiB in all it becomes ZIP64.
class zip_writer {
 public:
  /// `offset`: bytes of the stream before the first entry, which are no part of the archive.
  explicit zip_writer(std::uint64_t offset) : written_(offset) {}
  zip_writer() = default;

  /// The bytes to send for one file. `name` is UTF-8 with `/` between folders, and not yet used.
  /// Throws std::length_error for a file of 4 GiB.
  std::string add(std::string_view name, std::string_view bytes);
  /// The central directory, the last bytes of the archive.
  std::string finish() const;

 private:
  struct entry {
    std::string name;
    std::uint32_t crc;
    std::uint32_t size;
    std::uint64_t offset;
  };
  std::vector<entry> entries_;
  std::uint64_t written_ = 0;
};

}  // namespace samovar::net
