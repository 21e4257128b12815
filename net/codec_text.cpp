#include "net/codec_text.hpp"

#include <charconv>
#include <cmath>

namespace samovar::net {

namespace {

template <class T>
void append_number(std::string& out, T n) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, n).ptr;
  out.append(buffer, end);
}

void append_escaped(std::string& out, std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::size_t plain = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text.substr(plain, i - plain));
    plain = i + 1;
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        out += "\\u00";
        out.push_back(digits[c >> 4]);
        out.push_back(digits[c & 15]);
    }
  }
  out.append(text.substr(plain));
}

}  // namespace

void json_out::before() {
  if (comma_) out_.push_back(',');
  comma_ = true;
}

json_out& json_out::begin_object() {
  before();
  out_.push_back('{');
  comma_ = false;
  return *this;
}

json_out& json_out::end_object() {
  out_.push_back('}');
  comma_ = true;
  return *this;
}

json_out& json_out::begin_array() {
  before();
  out_.push_back('[');
  comma_ = false;
  return *this;
}

json_out& json_out::end_array() {
  out_.push_back(']');
  comma_ = true;
  return *this;
}

json_out& json_out::key(std::string_view name) {
  value(name);
  out_.push_back(':');
  comma_ = false;
  return *this;
}

json_out& json_out::value(std::string_view text) {
  before();
  out_.push_back('"');
  append_escaped(out_, text);
  out_.push_back('"');
  return *this;
}

json_out& json_out::value(bool b) {
  before();
  out_ += b ? "true" : "false";
  return *this;
}

json_out& json_out::value(std::int64_t n) {
  before();
  append_number(out_, n);
  return *this;
}

json_out& json_out::value(std::uint64_t n) {
  before();
  append_number(out_, n);
  return *this;
}

json_out& json_out::value(double n) {
  if (!std::isfinite(n)) return null();
  before();
  append_number(out_, n);
  return *this;
}

json_out& json_out::value(const core::uuid& id) {
  static constexpr char digits[] = "0123456789abcdef";
  before();
  char text[38];
  char* at = text;
  *at++ = '"';
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
    *at++ = digits[id.bytes[i] >> 4];
    *at++ = digits[id.bytes[i] & 15];
  }
  *at++ = '"';
  out_.append(text, at);
  return *this;
}

json_out& json_out::null() {
  before();
  out_ += "null";
  return *this;
}

json_out& json_out::raw(std::string_view json) {
  before();
  out_ += json;
  return *this;
}

}  // namespace samovar::net
