#include "storage/sql_text.hpp"

#include <charconv>
#include <cmath>
#include <stdexcept>

namespace samovar::storage {

namespace {

// Appends the text, with `mark` before each character that `needs_mark` names. Whole runs at once:
// masks are long.
template <class Needs>
void append_marked(std::string& out, std::string_view text, char mark, Needs needs_mark) {
  if (text.find('\0') != std::string_view::npos)
    throw std::invalid_argument("text with a NUL byte");
  std::size_t from = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!needs_mark(text[at])) continue;
    out.append(text, from, at - from);
    out += mark;
    from = at;
  }
  out.append(text, from, text.size() - from);
}

}  // namespace

void append_literal(std::string& out, std::string_view text) {
  out += '\'';
  append_marked(out, text, '\'', [](char c) { return c == '\''; });
  out += '\'';
}

void append_literal(std::string& out, bytes data) {
  constexpr char digits[] = "0123456789abcdef";
  out += "'\\x";
  for (char c : data.data) {
    const auto b = static_cast<unsigned char>(c);
    out += digits[b >> 4];
    out += digits[b & 15];
  }
  out += '\'';
}

void append_literal(std::string& out, const core::uuid& id) {
  out += '\'';
  out += core::to_string(id);
  out += '\'';
}

void append_literal(std::string& out, std::int64_t value) { out += std::to_string(value); }

void append_literal(std::string& out, double value) {
  if (!std::isfinite(value)) throw std::invalid_argument("a number that is not finite");
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  out.append(buffer, end);
}

void append_literal(std::string& out, core::timestamp at) {
  out += '\'';
  out += core::to_rfc3339(at);
  out += '\'';
}

void append_literal(std::string& out, std::span<const core::uuid> ids) {
  out += "'{";
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i > 0) out += ',';
    out += core::to_string(ids[i]);
  }
  out += "}'";
}

void append_literal(std::string& out, std::span<const std::int64_t> values) {
  out += "'{";
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    out += std::to_string(values[i]);
  }
  out += "}'";
}

void append_array_element(std::string& out, std::string_view text) {
  out += '"';
  append_marked(out, text, '\\', [](char c) { return c == '"' || c == '\\'; });
  out += '"';
}

void append_literal(std::string& out, std::span<const std::string> texts) {
  std::string array = "{";
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) array += ',';
    append_array_element(array, texts[i]);
  }
  array += '}';
  append_literal(out, std::string_view{array});
}

std::string set_user_text(core::user_id user) {
  // No query to plan and run: this stands before every statement.
  return "set local app.current_user_id='" + core::to_string(user) + "'";
}

core::uuid read_uuid(const char* text) {
  if (auto id = core::parse_uuid(text)) return *id;
  throw std::runtime_error("the database gave an id of an unknown form");
}

core::timestamp read_timestamp(const char* text) {
  // "2026-11-25 06:38:06.123456+00": timezone is UTC and datestyle ISO on every connection.
  std::string s = text;
  if (s.size() > 19 && s[10] == ' ' && s.ends_with("+00")) {
    s[10] = 'T';
    s.replace(s.size() - 3, 3, "Z");
    if (auto t = core::parse_rfc3339(s)) return *t;
  }
  throw std::runtime_error("the database gave a time of an unknown form");
}

std::vector<core::uuid> read_uuid_array(std::string_view text) {
  std::vector<core::uuid> ids;
  for (std::size_t at = 1; at + 36 < text.size(); at += 37) {
    auto id = core::parse_uuid(text.substr(at, 36));
    if (!id) throw std::runtime_error("the database gave an id of an unknown form");
    ids.push_back(*id);
  }
  return ids;
}

std::vector<std::string> read_text_array(std::string_view text) {
  std::vector<std::string> out;
  if (text.size() < 2 || text.front() != '{' || text.back() != '}')
    throw std::runtime_error("the database gave an array of an unknown form");
  const auto body = text.substr(1, text.size() - 2);
  std::size_t at = 0;
  while (at < body.size()) {
    std::string item;
    if (body[at] == '"') {
      for (++at; at < body.size() && body[at] != '"'; ++at) {
        if (body[at] == '\\') ++at;
        if (at < body.size()) item += body[at];
      }
      ++at;  // closing quote
    } else {
      for (; at < body.size() && body[at] != ','; ++at) item += body[at];
    }
    out.push_back(std::move(item));
    ++at;  // comma
  }
  return out;
}

std::string read_bytea(std::string_view text) {
  auto nibble = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  if (text.size() < 2 || text.substr(0, 2) != "\\x" || text.size() % 2 != 0)
    throw std::runtime_error("the database gave bytes of an unknown form");
  std::string out;
  for (std::size_t i = 2; i + 1 < text.size(); i += 2)
    out += static_cast<char>(nibble(text[i]) * 16 + nibble(text[i + 1]));
  return out;
}

}  // namespace samovar::storage
