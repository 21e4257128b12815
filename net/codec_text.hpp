// Writing JSON text straight into a string, without a document in between.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.hpp"
#include "core/time.hpp"

namespace samovar::net {

/// Appends JSON to a string and keeps the commas. Strings must be UTF-8; they are escaped. Numbers
/// that JSON can't express (NaN, infinities) are written as null.
class json_out {
 public:
  explicit json_out(std::string& out) : out_(out) {}

  json_out& begin_object();
  json_out& end_object();
  json_out& begin_array();
  json_out& end_array();
  json_out& key(std::string_view name);

  json_out& value(std::string_view text);
  json_out& value(const char* text) { return value(std::string_view(text)); }
  json_out& value(const std::string& text) { return value(std::string_view(text)); }
  json_out& value(bool b);
  json_out& value(std::int32_t n) { return value(static_cast<std::int64_t>(n)); }
  json_out& value(std::uint32_t n) { return value(static_cast<std::int64_t>(n)); }
  json_out& value(std::int64_t n);
  json_out& value(std::uint64_t n);
  json_out& value(double n);
  json_out& value(core::timestamp t) { return value(core::to_rfc3339(t)); }
  json_out& value(const core::uuid& id);
  template <class Tag>
  json_out& value(const core::strong_id<Tag>& id) {
    return value(id.value);
  }
  template <class T>
  json_out& value(const std::optional<T>& v) {
    return v ? value(*v) : null();
  }
  json_out& null();
  /// Text that is already JSON.
  json_out& raw(std::string_view json);

  template <class T>
  json_out& field(std::string_view name, const T& v) {
    return key(name).value(v);
  }

 private:
  void before();
  std::string& out_;
  bool comma_ = false;
};

}  // namespace samovar::net
