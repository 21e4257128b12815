// The Range header (RFC 9110, 14): one range of bytes. Several ranges, other units and malformed
// headers are ignored, as the RFC allows: the whole is sent.
#pragma once

#include <cstdint>
#include <string_view>

namespace samovar::net {

enum class range_kind : std::uint8_t { whole, part, unsatisfiable };

struct byte_range {
  range_kind kind = range_kind::whole;
  std::uint64_t begin = 0;   ///< only for part
  std::uint64_t length = 0;  ///< only for part; at least 1
};

byte_range parse_range(std::string_view header, std::uint64_t size);

}  // namespace samovar::net
