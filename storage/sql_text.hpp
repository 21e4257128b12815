// SQL literals from values, and values from PostgreSQL's text output.
//
// Statements are prepared once per connection and called with EXECUTE, so that "set the acting
// user, run the statement" is one round trip (a multi-statement query is one implicit transaction).
// The literals below are safe only with standard_conforming_strings on and client_encoding UTF8,
// which every connection sets.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/ids.hpp"
#include "core/time.hpp"

namespace samovar::storage {

/// A named statement with $1… parameters; `name` must be unique in the program.
struct statement {
  const char* name;
  const char* sql;
};

/// Bytes for a bytea parameter.
struct bytes {
  std::string_view data;
};

/// Throws std::invalid_argument for text with a NUL byte, which PostgreSQL cannot hold.
void append_literal(std::string& out, std::string_view text);
void append_literal(std::string& out, bytes data);
void append_literal(std::string& out, const core::uuid& id);
void append_literal(std::string& out, std::int64_t value);
void append_literal(std::string& out, double value);
void append_literal(std::string& out, core::timestamp at);
void append_literal(std::string& out, std::span<const core::uuid> ids);
void append_literal(std::string& out, std::span<const std::string> texts);
void append_literal(std::string& out, std::span<const std::int64_t> values);
inline void append_literal(std::string& out, std::nullopt_t) { out += "null"; }
inline void append_literal(std::string& out, bool value) { out += value ? "true" : "false"; }
inline void append_literal(std::string& out, std::int32_t value) {
  append_literal(out, static_cast<std::int64_t>(value));
}
inline void append_literal(std::string& out, const std::string& text) {
  append_literal(out, std::string_view{text});
}
inline void append_literal(std::string& out, const char* text) {
  append_literal(out, std::string_view{text});
}
template <class Tag>
void append_literal(std::string& out, const core::strong_id<Tag>& id) {
  append_literal(out, id.value);
}
template <class T>
void append_literal(std::string& out, const std::vector<T>& values) {
  append_literal(out, std::span<const T>{values});
}
template <class T>
void append_literal(std::string& out, const std::optional<T>& value) {
  if (value)
    append_literal(out, *value);
  else
    out += "null";
}

/// "execute name(a, b)".
template <class... Args>
std::string execute_text(const statement& s, const Args&... args) {
  std::string out = "execute ";
  out += s.name;
  char separator = '(';
  [[maybe_unused]] auto add = [&](const auto& a) {
    out += separator;
    append_literal(out, a);
    separator = ',';
  };
  (add(args), ...);
  if constexpr (sizeof...(Args) > 0) out += ')';
  return out;
}

/// "set local app.current_user_id=…": local to the transaction it runs in, also an implicit one.
std::string set_user_text(core::user_id user);

/// One element of an array literal, quoted and escaped.
void append_array_element(std::string& out, std::string_view text);

// Readers; they throw std::runtime_error on text PostgreSQL would not write.
core::uuid read_uuid(const char* text);
template <class Id>
Id read_id(const char* text) {
  return Id{read_uuid(text)};
}
core::timestamp read_timestamp(const char* text);
std::vector<core::uuid> read_uuid_array(std::string_view text);
std::vector<std::string> read_text_array(std::string_view text);
std::string read_bytea(std::string_view text);

}  // namespace samovar::storage
