#include "net/handlers/zip.hpp"

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

/// The fields that a local and a central header share, from `version needed` on.
void put_common(std::string& out, std::uint32_t crc, std::uint32_t size, std::size_t name_size) {
  put16(out, version);
  put16(out, utf8_names);
  put16(out, 0);  // stored
  put16(out, 0);  // midnight
  put16(out, first_day);
  put32(out, crc);
  put32(out, size);
  put32(out, size);
  put16(out, static_cast<std::uint32_t>(name_size));
  put16(out, 0);  // no extra field
}

}  // namespace

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t c = 0xFFFFFFFFU;
  for (const char b : bytes) c = table[(c ^ static_cast<unsigned char>(b)) & 0xFF] ^ (c >> 8);
  return c ^ 0xFFFFFFFFU;
}

std::string zip_writer::add(std::string_view name, std::string_view bytes) {
  constexpr std::uint64_t bytes_max =
      0xFFFFFFFFULL - 64ULL * 1024 * 1024;  // room for the directory
  if (entries_.size() >= 0xFFFF || written_ + bytes.size() > bytes_max)
    throw std::length_error("the archive is too large");
  const entry e{std::string(name), crc32(bytes), static_cast<std::uint32_t>(bytes.size()),
                static_cast<std::uint32_t>(written_)};
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
    put32(out, 0x02014B50);
    put16(out, version);
    put_common(out, e.crc, e.size, e.name.size());
    put16(out, 0);  // no comment
    put16(out, 0);  // first disk
    put16(out, 0);
    put32(out, 0);
    put32(out, e.offset);
    out += e.name;
  }
  const auto directory_size = static_cast<std::uint32_t>(out.size());
  const auto count = static_cast<std::uint32_t>(entries_.size());
  put32(out, 0x06054B50);
  put32(out, 0);
  put16(out, count);
  put16(out, count);
  put32(out, directory_size);
  put32(out, static_cast<std::uint32_t>(written_));
  put16(out, 0);
  return out;
}

}  // namespace samovar::net
