#include "core/ids.hpp"

namespace samovar::core {

namespace {

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_dash_position(std::size_t i) noexcept { return i == 8 || i == 13 || i == 18 || i == 23; }

}  // namespace

bool uuid::is_nil() const noexcept { return bytes == std::array<std::uint8_t, 16>{}; }

std::optional<uuid> parse_uuid(std::string_view text) noexcept {
  if (text.size() != 36) return std::nullopt;
  uuid out;
  std::size_t nibble = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_dash_position(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int v = hex_value(text[i]);
    if (v < 0) return std::nullopt;
    auto& byte = out.bytes[nibble / 2];
    byte = static_cast<std::uint8_t>((byte << 4) | v);
    ++nibble;
  }
  return out;
}

std::string to_string(const uuid& id) {
  static constexpr char digits[] = "0123456789abcdef";
  char out[36];
  char* at = out;
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
    *at++ = digits[id.bytes[i] >> 4];
    *at++ = digits[id.bytes[i] & 15];
  }
  return {out, sizeof out};
}

uuid make_uuid_v7(std::uint64_t unix_ms, std::uint64_t random_a, std::uint64_t random_b) noexcept {
  uuid id;
  for (int i = 0; i < 6; ++i)
    id.bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(unix_ms >> (40 - 8 * i));
  id.bytes[6] = static_cast<std::uint8_t>(0x70 | ((random_a >> 8) & 0x0F));
  id.bytes[7] = static_cast<std::uint8_t>(random_a);
  for (std::size_t i = 0; i < 8; ++i)
    id.bytes[8 + i] = static_cast<std::uint8_t>(random_b >> (56 - 8 * i));
  id.bytes[8] = static_cast<std::uint8_t>(0x80 | (id.bytes[8] & 0x3F));
  return id;
}

}  // namespace samovar::core
