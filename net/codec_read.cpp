#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "net/codec.hpp"

namespace samovar::net {

using json = nlohmann::json;

namespace {

constexpr int nesting_max = 32;
/// Longer names of fields are not repeated in an answer.
constexpr std::size_t field_name_bytes_max = 64;

[[noreturn]] void invalid(const char* field, const std::string& what) {
  refuse(core::error_code::validation_failed, std::string(field) + " " + what, field);
}

/// Parses with bounded nesting, so that a body of brackets costs no memory.
json parse(std::string_view text) {
  std::string field;  // of the body itself, the one being read
  const json::parser_callback_t bounded = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > nesting_max)
      refuse(core::error_code::malformed_request, "The request body is nested too deeply");
    if (event == json::parse_event_t::key && depth == 1)
      field = value.get_ref<const std::string&>();
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), bounded);
  } catch (const json::out_of_range&) {
    if (!field.empty() && field.size() <= field_name_bytes_max)
      invalid(field.c_str(), "has a number out of range");
    refuse(core::error_code::validation_failed, "The request body has a number out of range");
  } catch (const json::exception&) {
    refuse(core::error_code::malformed_request, "The request body is not valid JSON");
  }
}

std::string checked_text(const char* field, const json& v, std::size_t chars_min,
                         std::size_t chars_max) {
  if (!v.is_string()) invalid(field, "must be a string");
  const auto& s = v.get_ref<const std::string&>();
  if (s.find('\0') != std::string::npos) invalid(field, "must not contain NUL characters");
  const auto length = code_points(s);
  if (length < chars_min)
    invalid(field, chars_min == 1
                       ? "must not be empty"
                       : "must have at least " + std::to_string(chars_min) + " characters");
  if (length > chars_max)
    invalid(field, "must have at most " + std::to_string(chars_max) + " characters");
  return s;
}

std::int32_t checked_integer(const char* field, const json& v) {
  constexpr auto low = std::numeric_limits<std::int32_t>::min();
  constexpr auto high = std::numeric_limits<std::int32_t>::max();
  if (!v.is_number()) invalid(field, "must be a whole number");
  if (v.is_number_float()) {
    const double d = v.get<double>();
    if (d != std::floor(d)) invalid(field, "must be a whole number");
    if (d < low || d > high) invalid(field, "is out of range");
    return static_cast<std::int32_t>(d);
  }
  if (v.is_number_unsigned()) {
    const auto n = v.get<std::uint64_t>();
    if (n > static_cast<std::uint64_t>(high)) invalid(field, "is out of range");
    return static_cast<std::int32_t>(n);
  }
  const auto n = v.get<std::int64_t>();
  if (n < low || n > high) invalid(field, "is out of range");
  return static_cast<std::int32_t>(n);
}

core::uuid checked_id(const char* field, const json& v) {
  if (!v.is_string()) invalid(field, "must be a UUID");
  const auto id = core::parse_uuid(v.get_ref<const std::string&>());
  if (!id) invalid(field, "must be a UUID");
  return *id;
}

}  // namespace

void refuse(core::error_code code, std::string detail, std::string field) {
  throw refused(core::make_error(code, std::move(detail), std::move(field)));
}

bool valid_utf8(std::string_view s) {
  for (std::size_t i = 0; i < s.size();) {
    const auto c = static_cast<unsigned char>(s[i]);
    const std::size_t more = c < 0x80   ? 0
                             : c < 0xC2 ? 4
                             : c < 0xE0 ? 1
                             : c < 0xF0 ? 2
                             : c < 0xF5 ? 3
                                        : 4;
    if (more == 4 || i + more >= s.size()) return false;
    for (std::size_t k = 1; k <= more; ++k)
      if ((static_cast<unsigned char>(s[i + k]) & 0xC0) != 0x80) return false;
    if (more > 1) {
      const auto d = static_cast<unsigned char>(s[i + 1]);
      if ((c == 0xE0 && d < 0xA0) || (c == 0xED && d >= 0xA0)) return false;
      if ((c == 0xF0 && d < 0x90) || (c == 0xF4 && d >= 0x90)) return false;
    }
    i += more + 1;
  }
  return true;
}

std::size_t code_points(std::string_view text) {
  std::size_t n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  return n;
}

struct json_body::document {
  json root;
  const json& at(const char* field) const {
    const auto it = root.find(field);
    if (it == root.end()) invalid(field, "is required");
    return *it;
  }
};

json_body::json_body(std::string_view text, bool empty_ok)
    : document_(std::make_unique<document>()) {
  if (text.empty() && empty_ok) {
    document_->root = json::object();
    return;
  }
  document_->root = parse(text);
  if (!document_->root.is_object())
    refuse(core::error_code::validation_failed, "The request body must be a JSON object");
}

json_body::~json_body() = default;
json_body::json_body(json_body&&) noexcept = default;

bool json_body::has(const char* field) const { return document_->root.contains(field); }

bool json_body::is_null(const char* field) const {
  const auto it = document_->root.find(field);
  return it != document_->root.end() && it->is_null();
}

std::string json_body::text(const char* field, std::size_t chars_min, std::size_t chars_max) const {
  return checked_text(field, document_->at(field), chars_min, chars_max);
}

std::int32_t json_body::integer(const char* field) const {
  return checked_integer(field, document_->at(field));
}

std::int32_t json_body::integer_or(const char* field, std::int32_t absent) const {
  return has(field) ? integer(field) : absent;
}

std::int32_t json_body::integer_between(const char* field, std::int32_t low,
                                        std::int32_t high) const {
  const auto n = integer(field);
  if (n < low || n > high)
    invalid(field, "must be from " + std::to_string(low) + " to " + std::to_string(high));
  return n;
}

double json_body::number_between(const char* field, double low, double high) const {
  const auto& v = document_->at(field);
  if (!v.is_number()) invalid(field, "must be a number");
  const auto n = v.get<double>();
  if (n < low || n > high)
    invalid(field, "must be from " + json(low).dump() + " to " + json(high).dump());
  return n;
}

bool json_body::boolean_or(const char* field, bool absent) const {
  if (!has(field)) return absent;
  const auto& v = document_->at(field);
  if (!v.is_boolean()) invalid(field, "must be true or false");
  return v.get<bool>();
}

std::optional<std::string> json_body::nullable_text(const char* field,
                                                    std::size_t chars_max) const {
  if (!has(field) || is_null(field)) return std::nullopt;
  return text(field, 0, chars_max);
}

core::uuid json_body::id(const char* field) const {
  return checked_id(field, document_->at(field));
}

std::vector<core::uuid> json_body::ids(const char* field, std::size_t count_max) const {
  const auto& v = document_->at(field);
  if (!v.is_array()) invalid(field, "must be an array of UUIDs");
  if (v.size() > count_max)
    invalid(field, "must have at most " + std::to_string(count_max) + " entries");
  std::vector<core::uuid> out;
  out.reserve(v.size());
  for (const auto& item : v) {
    const auto id =
        item.is_string() ? core::parse_uuid(item.get_ref<const std::string&>()) : std::nullopt;
    if (!id) invalid(field, "must hold UUIDs only");
    out.push_back(*id);
  }
  return out;
}

core::segmentation_mode json_body::mode_or(const char* field,
                                           core::segmentation_mode absent) const {
  if (!has(field)) return absent;
  const auto& v = document_->at(field);
  const auto mode =
      v.is_string() ? core::parse_segmentation_mode(v.get_ref<const std::string&>()) : std::nullopt;
  if (!mode) invalid(field, "must be one of inside_box, find_all, point");
  return *mode;
}

core::prompt_type json_body::prompt_type_or(const char* field, core::prompt_type absent) const {
  if (!has(field)) return absent;
  const auto& v = document_->at(field);
  const auto type =
      v.is_string() ? core::parse_prompt_type(v.get_ref<const std::string&>()) : std::nullopt;
  if (!type) invalid(field, "must be one of segment, positive_exemplar, negative_exemplar");
  return *type;
}

namespace {

// The items of an array of objects, each with its name for messages, such as "boxes[2]".
template <class F>
void each_object(const char* field, const json& v, std::size_t count_max, F f) {
  if (!v.is_array()) invalid(field, "must be an array");
  if (v.size() > count_max)
    invalid(field, "must have at most " + std::to_string(count_max) + " entries");
  for (std::size_t i = 0; i < v.size(); ++i) {
    const auto name = std::string(field) + "[" + std::to_string(i) + "]";
    if (!v[i].is_object()) invalid(name.c_str(), "must be an object");
    f(name, v[i]);
  }
}

std::int32_t member(const std::string& owner, const json& o, const char* key) {
  const auto name = owner + "." + key;
  const auto it = o.find(key);
  if (it == o.end()) invalid(name.c_str(), "is missing");
  return checked_integer(name.c_str(), *it);
}

}  // namespace

std::vector<core::box_prompt> json_body::boxes_or_none(const char* field,
                                                       std::size_t count_max) const {
  std::vector<core::box_prompt> out;
  if (!has(field) || is_null(field)) return out;
  each_object(field, document_->at(field), count_max, [&](const std::string& name, const json& o) {
    core::box_prompt b;
    b.area = {member(name, o, "x"), member(name, o, "y"), member(name, o, "width"),
              member(name, o, "height")};
    if (const auto type = o.find("prompt_type"); type != o.end()) {
      const auto parsed = type->is_string()
                              ? core::parse_prompt_type(type->get_ref<const std::string&>())
                              : std::nullopt;
      if (!parsed)
        invalid((name + ".prompt_type").c_str(),
                "must be one of segment, positive_exemplar, negative_exemplar");
      b.type = *parsed;
    }
    out.push_back(b);
  });
  return out;
}

std::vector<core::point_prompt> json_body::points_or_none(const char* field,
                                                          std::size_t count_max) const {
  std::vector<core::point_prompt> out;
  if (!has(field) || is_null(field)) return out;
  each_object(field, document_->at(field), count_max, [&](const std::string& name, const json& o) {
    core::point_prompt p;
    p.at = {member(name, o, "x"), member(name, o, "y")};
    if (const auto positive = o.find("is_positive"); positive != o.end()) {
      if (!positive->is_boolean())
        invalid((name + ".is_positive").c_str(), "must be true or false");
      p.is_positive = positive->get<bool>();
    }
    out.push_back(p);
  });
  return out;
}

}  // namespace samovar::net
