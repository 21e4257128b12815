#include "net/handlers/zip.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace samovar::net {

namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t n = 0; n < 256; ++n) {
    std::uint32_t c = n;
    for (int k = 0; k < 8; ++k) c = (c & 1) ? 0xEDB88320U ^ (c >> 1) : c >> 1;
    table[n] = c;
  }
  return table;
}
constexpr auto table = make_table();

constexpr std::uint16_t version = 20;              // 2.0: folders
constexpr std::uint16_t version64 = 45;            // 4.5: ZIP64
constexpr std::uint16_t utf8_names = 1 << 11;      // general purpose flag
constexpr std::uint16_t first_day = (1 << 5) | 1;  // 1980-01-01: archives of one state are equal

void put16(std::string& out, std::uint32_t n) {
  out.push_back(static_cast<char>(n));
  out.push_back(static_cast<char>(n >> 8));
}

void put32(std::string& out, std::uint32_t n) {
  put16(out, n & 0xFFFF);
  put16(out, n >> 16);
}

void put64(std::string& out, std::uint64_t n) {
  put32(out, static_cast<std::uint32_t>(n));
  put32(out, static_cast<std::uint32_t>(n >> 32));
}

// A field of all ones says that the number stands where ZIP64 has room for it.
constexpr std::uint64_t in_zip64 = 0xFFFFFFFF;
constexpr std::size_t count_in_zip64 = 0xFFFF;

/// The fields that a local and a central header share, from `version needed` on.
void put_common(std::string& out, std::uint32_t crc, std::uint32_t size, std::size_t name_size,
                bool zip64 = false) {
  put16(out, zip64 ? version64 : version);
  put16(out, utf8_names);
  put16(out, 0);  // stored
  put16(out, 0);  // midnight
  put16(out, first_day);
  put32(out, crc);
  put32(out, size);
  put32(out, size);
  put16(out, static_cast<std::uint32_t>(name_size));
  put16(out, zip64 ? 12 : 0);  // bytes of the extra field
}

/// The end records of ZIP64, for a directory of `size` bytes at `offset`.
void put_end64(std::string& out, std::uint64_t count, std::uint64_t size, std::uint64_t offset) {
  put32(out, 0x06064B50);
  put64(out, 44);  // bytes that follow
  put16(out, version64);
  put16(out, version64);
  put64(out, 0);  // first disk
  put64(out, count);
  put64(out, count);
  put64(out, size);
  put64(out, offset);
  put32(out, 0x07064B50);
  put32(out, 0);
  put64(out, offset + size);
  put32(out, 1);  // disks
}

}  // namespace

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t c = 0xFFFFFFFFU;
  for (const char b : bytes) c = table[(c ^ static_cast<unsigned char>(b)) & 0xFF] ^ (c >> 8);
  return c ^ 0xFFFFFFFFU;
}

std::string zip_writer::add(std::string_view name, std::string_view bytes) {
  if (bytes.size() >= in_zip64) throw std::length_error("a file of the archive is too large");
  const entry e{std::string(name), crc32(bytes), static_cast<std::uint32_t>(bytes.size()),
                written_};
  std::string out;
  out.reserve(30 + name.size() + bytes.size());
  put32(out, 0x04034B50);
  put_common(out, e.crc, e.size, name.size());
  out += name;
  out += bytes;
  written_ += out.size();
  entries_.push_back(e);
  return out;
}

std::string zip_writer::finish() const {
  std::string out;
  for (const auto& e : entries_) {
    const bool zip64 = e.offset >= in_zip64;
    put32(out, 0x02014B50);
    put16(out, zip64 ? version64 : version);
    put_common(out, e.crc, e.size, e.name.size(), zip64);
    put16(out, 0);  // no comment
    put16(out, 0);  // first disk
    put16(out, 0);
    put32(out, 0);
    put32(out, static_cast<std::uint32_t>(std::min(e.offset, in_zip64)));
    out += e.name;
    if (!zip64) continue;
    put16(out, 1);  // the extra field of ZIP64
    put16(out, 8);
    put64(out, e.offset);
  }
  const std::uint64_t size = out.size();
  const auto count = std::min(entries_.size(), count_in_zip64);
  if (count == count_in_zip64 || size >= in_zip64 || written_ >= in_zip64)
    put_end64(out, entries_.size(), size, written_);
  put32(out, 0x06054B50);
  put32(out, 0);
  put16(out, static_cast<std::uint32_t>(count));
  put16(out, static_cast<std::uint32_t>(count));
  put32(out, static_cast<std::uint32_t>(std::min(size, in_zip64)));
  put32(out, static_cast<std::uint32_t>(std::min(written_, in_zip64)));
  put16(out, 0);
  return out;
}

}  // namespace samovar::net
