#include "model/sam3/json_reader.hpp"

#include <charconv>

namespace samovar::model::sam3 {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

}  // namespace

void json_reader::fail(const std::string& what) const {
  throw json_malformed(what + " at byte " + std::to_string(at_));
}

void json_reader::blank() {
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
    ++at_;
}

char json_reader::peek() {
  blank();
  return at_ < text_.size() ? text_[at_] : '\0';
}

bool json_reader::accept(char c) {
  if (peek() != c) return false;
  ++at_;
  return true;
}

void json_reader::expect(char c) {
  if (!accept(c)) fail(std::string("expected '") + c + "'");
}

void json_reader::finish() {
  if (peek() != '\0' || at_ < text_.size()) fail("something follows the end");
}

void json_reader::object(const std::function<void(std::string&&)>& member) {
  expect('{');
  if (++depth_ > depth_max) fail("nested too deeply");
  if (!accept('}')) {
    do {
      std::string key = string();
      expect(':');
      member(std::move(key));
    } while (accept(','));
    expect('}');
  }
  --depth_;
}

void json_reader::array(const std::function<void()>& item) {
  expect('[');
  if (++depth_ > depth_max) fail("nested too deeply");
  if (!accept(']')) {
    do item();
    while (accept(','));
    expect(']');
  }
  --depth_;
}

std::uint32_t json_reader::hex4() {
  std::uint32_t value = 0;
  if (text_.size() - at_ < 4) fail("a cut-off \\u escape");
  const auto [end, problem] =
      std::from_chars(text_.data() + at_, text_.data() + at_ + 4, value, 16);
  if (problem != std::errc() || end != text_.data() + at_ + 4) fail("a bad \\u escape");
  at_ += 4;
  return value;
}

void json_reader::escape(std::string& out) {
  if (at_ >= text_.size()) fail("an unfinished string");
  const char c = text_[at_++];
  switch (c) {
    case '"':
    case '\\':
    case '/': out.push_back(c); return;
    case 'b': out.push_back('\b'); return;
    case 'f': out.push_back('\f'); return;
    case 'n': out.push_back('\n'); return;
    case 'r': out.push_back('\r'); return;
    case 't': out.push_back('\t'); return;
    case 'u': break;
    default: fail("an unknown escape");
  }
  std::uint32_t code = hex4();
  if (code >= 0xDC00 && code <= 0xDFFF) fail("half a surrogate pair");
  if (code >= 0xD800 && code <= 0xDBFF) {
    if (text_.substr(at_, 2) != "\\u") fail("half a surrogate pair");
    at_ += 2;
    const std::uint32_t low = hex4();
    if (low < 0xDC00 || low > 0xDFFF) fail("half a surrogate pair");
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }
  append_utf8(out, code);
}

std::string json_reader::string() {
  expect('"');
  std::string out;
  while (at_ < text_.size()) {
    const char c = text_[at_++];
    if (c == '"') return out;
    if (static_cast<unsigned char>(c) < 0x20) fail("a control character in a string");
    if (c == '\\')
      escape(out);
    else
      out.push_back(c);
  }
  fail("an unfinished string");
}

std::string_view json_reader::number_text() {
  blank();
  const std::size_t begin = at_;
  const auto digits = [&] {
    const std::size_t first = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    if (at_ == first) fail("expected a number");
  };
  const auto next_is = [&](char c) { return at_ < text_.size() && text_[at_] == c; };
  if (next_is('-')) ++at_;
  if (next_is('0'))
    ++at_;
  else
    digits();
  if (next_is('.')) {
    ++at_;
    digits();
  }
  if (next_is('e') || next_is('E')) {
    ++at_;
    if (next_is('+') || next_is('-')) ++at_;
    digits();
  }
  return text_.substr(begin, at_ - begin);
}

double json_reader::number() {
  const auto text = number_text();
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc()) fail("a number out of range");
  return value;
}

std::int64_t json_reader::integer() {
  const auto text = number_text();
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) fail("expected a whole number");
  return value;
}

void json_reader::word(std::string_view expected) {
  blank();
  if (text_.substr(at_, expected.size()) != expected) fail("expected a value");
  at_ += expected.size();
}

bool json_reader::boolean() {
  if (peek() == 't') {
    word("true");
    return true;
  }
  word("false");
  return false;
}

void json_reader::skip() {
  switch (peek()) {
    case '{': object([this](std::string&&) { skip(); }); return;
    case '[': array([this] { skip(); }); return;
    case '"': string(); return;
    case 't': word("true"); return;
    case 'f': word("false"); return;
    case 'n': word("null"); return;
    default: number();
  }
}

}  // namespace samovar::model::sam3
