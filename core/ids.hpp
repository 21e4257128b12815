// Identifiers: a UUID value type and one strong type per kind of thing.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace samovar::core {

/// 128-bit identifier (RFC 9562). The default is the nil UUID.
struct uuid {
  std::array<std::uint8_t, 16> bytes{};

  bool is_nil() const noexcept;
  friend auto operator<=>(const uuid&, const uuid&) = default;
};

/// Accepts the 8-4-4-4-12 hexadecimal form in either case; anything else gives nullopt.
std::optional<uuid> parse_uuid(std::string_view text) noexcept;
/// Lower-case 8-4-4-4-12 form.
std::string to_string(const uuid& id);

/// UUID version 7 (RFC 9562, 5.7): 48 bits of Unix milliseconds, then 74 random bits. Time-ordered,
/// so that index inserts stay local. `random_a` and `random_b` are 64 uniformly random bits each.
uuid make_uuid_v7(std::uint64_t unix_ms, std::uint64_t random_a, std::uint64_t random_b) noexcept;

template <class Tag>
struct strong_id {
  uuid value;

  friend auto operator<=>(const strong_id&, const strong_id&) = default;
};

template <class Tag>
std::string to_string(const strong_id<Tag>& id) {
  return to_string(id.value);
}

template <class Id>
std::optional<Id> parse_id(std::string_view text) noexcept {
  if (auto u = parse_uuid(text)) return Id{*u};
  return std::nullopt;
}

using user_id = strong_id<struct user_tag>;
using image_id = strong_id<struct image_tag>;
using annotation_id = strong_id<struct annotation_tag>;
using point_id = strong_id<struct point_tag>;
using job_id = strong_id<struct job_tag>;
using result_id = strong_id<struct result_tag>;
using api_key_id = strong_id<struct api_key_tag>;
using web_session_id = strong_id<struct web_session_tag>;

struct uuid_hash {
  std::size_t operator()(const uuid& id) const noexcept {
    std::uint64_t a = 0, b = 0;
    std::memcpy(&a, id.bytes.data(), 8);
    std::memcpy(&b, id.bytes.data() + 8, 8);
    return static_cast<std::size_t>(b ^ (a * 0x9E3779B97F4A7C15ULL));
  }
  template <class Tag>
  std::size_t operator()(const strong_id<Tag>& id) const noexcept {
    return (*this)(id.value);
  }
};

}  // namespace samovar::core

template <class Tag>
struct std::hash<samovar::core::strong_id<Tag>> {
  std::size_t operator()(const samovar::core::strong_id<Tag>& id) const noexcept {
    return samovar::core::uuid_hash{}(id);
  }
};
