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

/// Not ZIP64: at most 65,535 entries and 4 GiB in all; `add` throws std::length_error beyond.
class zip_writer {
 public:
  /// The bytes to send for one file. `name` is UTF-8 with `/` between folders, and not yet used.
  std::string add(std::string_view name, std::string_view bytes);
  /// The central directory, the last bytes of the archive.
  std::string finish() const;

 private:
  struct entry {
    std::string name;
    std::uint32_t crc;
    std::uint32_t size;
    std::uint32_t offset;
  };
  std::vector<entry> entries_;
  std::uint64_t written_ = 0;
};

}  // namespace samovar::net
