#include "model/sam3/zip_archive.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "model/sam3/tensor_table.hpp"

namespace samovar::model::sam3 {
namespace {

using bytes = std::span<const std::byte>;

constexpr std::uint32_t local_signature = 0x04034b50, central_signature = 0x02014b50,
                        end_signature = 0x06054b50, end64_signature = 0x06064b50,
                        locator64_signature = 0x07064b50;
constexpr std::size_t local_size = 30, central_size = 46, end_size = 22, end64_size = 56,
                      locator64_size = 20, comment_bytes_max = 65535;
constexpr std::size_t entries_max = 100'000;
constexpr std::uint32_t none32 = 0xFFFFFFFF;
constexpr std::uint16_t none16 = 0xFFFF;
constexpr std::uint16_t extra64 = 1;  ///< the extra field with 64-bit sizes
constexpr std::uint16_t flag_encrypted = 1;

/// Part of a file; throws when it is not there.
bytes part(bytes from, std::uint64_t at, std::uint64_t count, const char* what) {
  if (at > from.size() || count > from.size() - at)
    throw file_refused(std::string(what) + " is cut off");
  return from.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(count));
}

/// A little-endian number inside a part whose length was checked.
template <class T>
T number(bytes from, std::size_t at) {
  T out = 0;
  std::memcpy(&out, from.data() + at, sizeof out);
  return out;
}

std::string_view text(bytes b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

struct directory {
  std::uint64_t at = 0, size = 0, entries = 0;
};

/// The end record is the last one whose comment reaches exactly to the end of the file.
std::size_t find_end(bytes archive) {
  if (archive.size() < end_size) throw file_refused("it is too short");
  const std::size_t last = archive.size() - end_size;
  const std::size_t first = last > comment_bytes_max ? last - comment_bytes_max : 0;
  for (std::size_t at = last + 1; at-- > first;) {
    const bytes record = archive.subspan(at, end_size);
    if (number<std::uint32_t>(record, 0) == end_signature &&
        number<std::uint16_t>(record, 20) == last - at)
      return at;
  }
  throw file_refused("it has no end (the file is cut off)");
}

directory find_directory(bytes archive) {
  const std::size_t at = find_end(archive);
  const bytes end = archive.subspan(at, end_size);
  directory d{number<std::uint32_t>(end, 16), number<std::uint32_t>(end, 12),
              number<std::uint16_t>(end, 10)};
  bool many_volumes = number<std::uint16_t>(end, 4) != 0 && number<std::uint16_t>(end, 4) != none16;
  if (at >= locator64_size) {
    const bytes locator = archive.subspan(at - locator64_size, locator64_size);
    if (number<std::uint32_t>(locator, 0) == locator64_signature) {
      const bytes end64 =
          part(archive, number<std::uint64_t>(locator, 8), end64_size, "its 64-bit end");
      if (number<std::uint32_t>(end64, 0) != end64_signature)
        throw file_refused("its 64-bit end is not where it should be");
      d = {number<std::uint64_t>(end64, 48), number<std::uint64_t>(end64, 40),
           number<std::uint64_t>(end64, 32)};
      many_volumes = many_volumes || number<std::uint32_t>(end64, 16) != 0;
    }
  }
  if (many_volumes) throw file_refused("it is one volume of several");
  if (d.at > at || d.size > at - d.at) throw file_refused("its directory lies outside the file");
  return d;
}

struct entry {
  std::string_view name;
  std::uint64_t size = 0, header_at = 0;
  std::uint64_t begin = 0;  ///< of the contents
};

/// Sizes that do not fit 32 bits are in an extra field, in this order, those only.
void read_extra64(bytes extra, std::uint64_t& size, std::uint64_t& packed, std::uint64_t& at) {
  while (extra.size() >= 4) {
    const auto id = number<std::uint16_t>(extra, 0);
    const std::size_t length = number<std::uint16_t>(extra, 2);
    bytes field = part(extra, 4, length, "an entry's extra field");
    extra = extra.subspan(4 + length);
    if (id != extra64) continue;
    for (auto* value : {&size, &packed, &at}) {
      if (*value != none32) continue;
      *value = number<std::uint64_t>(part(field, 0, 8, "an entry's extra field"), 0);
      field = field.subspan(8);
    }
    return;
  }
}

/// The entry at the beginning of `left`, which is shortened by it.
entry read_central(bytes& left) {
  constexpr const char* what = "its directory";
  const bytes head = part(left, 0, central_size, what);
  if (number<std::uint32_t>(head, 0) != central_signature)
    throw file_refused("its directory is damaged");
  const std::size_t name_size = number<std::uint16_t>(head, 28);
  const std::size_t extra_size = number<std::uint16_t>(head, 30);
  const std::size_t comment_size = number<std::uint16_t>(head, 32);
  entry e;
  e.name = text(part(left, central_size, name_size, what));
  const bytes extra = part(left, central_size + name_size, extra_size, what);
  part(left, 0, central_size + name_size + extra_size + comment_size, what);
  left = left.subspan(central_size + name_size + extra_size + comment_size);

  std::uint64_t packed = number<std::uint32_t>(head, 20);
  e.size = number<std::uint32_t>(head, 24);
  e.header_at = number<std::uint32_t>(head, 42);
  read_extra64(extra, e.size, packed, e.header_at);
  const std::string quoted = "entry \"" + shown(e.name) + "\"";
  if (number<std::uint16_t>(head, 8) & flag_encrypted) throw file_refused(quoted + " is encrypted");
  if (number<std::uint16_t>(head, 10) != 0) throw file_refused(quoted + " is compressed");
  if (packed != e.size) throw file_refused(quoted + " has two sizes");
  return e;
}

void find_contents(bytes archive, std::uint64_t directory_at, entry& e) {
  const std::string quoted = "entry \"" + shown(e.name) + "\"";
  const bytes head = part(archive.first(static_cast<std::size_t>(directory_at)), e.header_at,
                          local_size, quoted.c_str());
  if (number<std::uint32_t>(head, 0) != local_signature)
    throw file_refused(quoted + " is not where the directory says");
  const std::uint64_t name_size = number<std::uint16_t>(head, 26);
  const std::uint64_t extra_size = number<std::uint16_t>(head, 28);
  const auto before = archive.first(static_cast<std::size_t>(directory_at));
  if (text(part(before, e.header_at + local_size, name_size, quoted.c_str())) != e.name)
    throw file_refused(quoted + " has two names");
  e.begin = e.header_at + local_size + name_size + extra_size;
  part(before, e.begin, e.size, quoted.c_str());
}

}  // namespace

std::map<std::string, bytes> read_stored_zip(bytes archive) {
  const directory d = find_directory(archive);
  bytes left = part(archive, d.at, d.size, "its directory");
  std::vector<entry> entries;
  while (!left.empty()) {
    if (entries.size() == entries_max) throw file_refused("it has too many entries");
    entries.push_back(read_central(left));
    find_contents(archive, d.at, entries.back());
  }
  if (entries.size() != d.entries) throw file_refused("its directory has another length");
  std::sort(entries.begin(), entries.end(),
            [](const entry& a, const entry& b) { return a.header_at < b.header_at; });
  std::map<std::string, bytes> out;
  std::uint64_t end = 0;
  for (const auto& e : entries) {
    if (e.header_at < end) throw file_refused("entry \"" + shown(e.name) + "\" overlaps another");
    end = e.begin + e.size;
    const bytes contents =
        archive.subspan(static_cast<std::size_t>(e.begin), static_cast<std::size_t>(e.size));
    if (!out.emplace(e.name, contents).second)
      throw file_refused("entry \"" + shown(e.name) + "\" is there twice");
  }
  return out;
}

}  // namespace samovar::model::sam3
