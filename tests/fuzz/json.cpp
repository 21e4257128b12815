// JSON bodies as handlers read them: every getter, on whatever is there.
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/limits.hpp"
#include "net/codec.hpp"
#include "tests/fuzz/target.hpp"

namespace samovar::fuzz {

const char* const target_name = "json";

namespace {

constexpr std::size_t chars_max = 32;
constexpr std::size_t count_max = 8;

/// Refusing is an answer; anything else that is thrown is a finding.
template <class F>
void ask(F f) {
  try {
    f();
  } catch (const net::refused& r) {
    require(!r.reason.detail.empty() && net::valid_utf8(r.reason.detail), "refusals say why");
    require(core::http_status(r.reason.code) < 500, "refusals are the client's fault");
  }
}

void check_text(const std::string& s) {
  require(net::valid_utf8(s) && s.find('\0') == std::string::npos, "texts can be stored");
  require(net::code_points(s) <= chars_max, "texts keep their limit");
  std::string out;
  net::json_out(out).value(s);
  const auto back = nlohmann::json::parse(out);
  require(back.is_string() && back.get<std::string>() == s, "texts come back as they were");
}

void look_at(const net::json_body& body, const char* field) {
  ask([&] { body.has(field), body.is_null(field); });
  ask([&] { check_text(body.text(field, 1, chars_max)); });
  ask([&] {
    if (const auto s = body.nullable_text(field, chars_max)) check_text(*s);
  });
  ask([&] { body.integer(field); });
  ask([&] {
    const auto n = body.integer_between(field, -5, 100);
    require(n >= -5 && n <= 100, "numbers keep their range");
  });
  ask([&] {
    const auto x = body.number_between(field, -1.0, 1.0);
    require(std::isfinite(x) && x >= -1.0 && x <= 1.0, "numbers keep their range");
  });
  ask([&] { body.boolean_or(field, true); });
  ask([&] { require(core::parse_uuid(core::to_string(body.id(field))).has_value(), "ids"); });
  ask([&] { require(body.ids(field, count_max).size() <= count_max, "lists keep their limit"); });
  ask([&] { body.mode_or(field, core::segmentation_mode::inside_box); });
  ask([&] { body.prompt_type_or(field, core::prompt_type::segment); });
  ask([&] {
    require(body.boxes_or_none(field, count_max).size() <= count_max, "lists keep their limit");
  });
  ask([&] {
    require(body.points_or_none(field, count_max).size() <= count_max, "lists keep their limit");
  });
}

}  // namespace

void run_target(std::string_view bytes) {
  ask([&] {
    const net::json_body body(bytes);
    for (const char* field : {"a", "b", "ids", "boxes"}) look_at(body, field);
  });
  ask([&] { net::json_body(bytes, true).has("a"); });
}

}  // namespace samovar::fuzz
