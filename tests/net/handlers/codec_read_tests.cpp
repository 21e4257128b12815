#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <functional>

#include "net/codec.hpp"

using namespace samovar;
using core::error_code;
using net::json_body;

namespace {

core::error failure_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const net::refused& e) {
    return e.reason;
  }
  BOOST_FAIL("nothing was refused");
  return {};
}

void check_invalid(const std::function<void()>& f, const std::string& field) {
  const auto e = failure_of(f);
  BOOST_TEST(core::http_status(e.code) == 422);
  BOOST_TEST(e.field == field);
  BOOST_TEST(e.detail.find(field) != std::string::npos);
}

const char* const not_json[] = {"",
                                "{",
                                "{\"a\":}",
                                "{'a':1}",
                                "{\"a\":1,}",
                                "nope",
                                "{}{}",
                                "[1",
                                "\"open",
                                "{\"a\":01}",
                                "{a:1}",
                                "\x01{}",
                                "{\"a\":NaN}",
                                "// x\n{}",
                                "{\"a\":\"\xC3\"}",
                                "{\"a\":\"\xED\xA0\x80\"}",
                                "{\"a\":\"\\ud800\"}"};
const char* const not_objects[] = {"[]", "1", "null", "\"text\"", "true", "[{}]"};
const char* const not_integers[] = {"\"1\"", "1.5", "true", "null", "[]", "{}", "\"\"", "-0.25"};
const char* const too_large[] = {
    "2147483648", "-2147483649",  "99999999999999999999", "1e300",
    "-1e300",     "2147483648.0", "18446744073709551615", "-9223372036854775808"};

}  // namespace

BOOST_AUTO_TEST_SUITE(codec_read)

BOOST_DATA_TEST_CASE(malformed_json_is_400, boost::unit_test::data::make(not_json), text) {
  const auto e = failure_of([&] { json_body{text}; });
  BOOST_TEST(core::http_status(e.code) == 400);
  BOOST_TEST(core::to_string(e.code) == "malformed_request");
}

BOOST_DATA_TEST_CASE(other_values_than_objects_are_422, boost::unit_test::data::make(not_objects),
                     text) {
  BOOST_TEST(core::http_status(failure_of([&] { json_body{text}; }).code) == 422);
}

BOOST_AUTO_TEST_CASE(deep_nesting_is_refused_early) {
  const std::string brackets(1'000'000, '[');
  BOOST_TEST(core::http_status(failure_of([&] { json_body{"{\"a\":" + brackets}; }).code) == 400);
  BOOST_CHECK_NO_THROW(json_body{"{\"a\":[[[[[[[[1]]]]]]]]}"});
}

BOOST_AUTO_TEST_CASE(an_empty_body_may_stand_for_an_object) {
  BOOST_TEST(!json_body("", true).has("a"));
}

BOOST_AUTO_TEST_CASE(a_number_too_large_for_any_type_is_422) {
  check_invalid([] { json_body{"{\"a\":1e999}"}; }, "a");
  check_invalid([] { json_body{"{\"a\":1,\"b\":[{\"x\":-1e999}],\"c\":2}"}; }, "b");
  BOOST_TEST(core::http_status(failure_of([] { json_body{"[1e999]"}; }).code) == 422);
}

BOOST_DATA_TEST_CASE(integers_are_strict, boost::unit_test::data::make(not_integers), value) {
  const json_body body("{\"n\":" + std::string(value) + "}");
  check_invalid([&] { body.integer("n"); }, "n");
}

BOOST_DATA_TEST_CASE(integers_fit_32_bits, boost::unit_test::data::make(too_large), value) {
  const json_body body("{\"n\":" + std::string(value) + "}");
  check_invalid([&] { body.integer("n"); }, "n");
}

BOOST_AUTO_TEST_CASE(whole_numbers_are_read) {
  const json_body body(R"({"a":0,"b":-2147483648,"c":2147483647,"d":3.0,"e":1e3,"f":-0.0})");
  BOOST_TEST(body.integer("a") == 0);
  BOOST_TEST(body.integer("b") == std::numeric_limits<std::int32_t>::min());
  BOOST_TEST(body.integer("c") == std::numeric_limits<std::int32_t>::max());
  BOOST_TEST(body.integer("d") == 3);
  BOOST_TEST(body.integer("e") == 1000);
  BOOST_TEST(body.integer("f") == 0);
  BOOST_TEST(body.integer_or("absent", 7) == 7);
  check_invalid([&] { body.integer("absent"); }, "absent");
}

BOOST_AUTO_TEST_CASE(booleans_are_strict) {
  const json_body body(R"({"t":true,"f":false,"n":1,"s":"true","z":null})");
  BOOST_TEST(body.boolean_or("t", false));
  BOOST_TEST(!body.boolean_or("f", true));
  BOOST_TEST(body.boolean_or("absent", true));
  for (const char* field : {"n", "s", "z"})
    check_invalid([&] { body.boolean_or(field, true); }, field);
}

BOOST_AUTO_TEST_CASE(texts_are_strict) {
  const json_body body(R"({"t":"abc","e":"","n":1,"z":null,"nul":"a\u0000b","u":"äöü€😀","a":[]})");
  BOOST_TEST(body.text("t", 1, 3) == "abc");
  BOOST_TEST(body.text("u", 5, 5) == "äöü€😀");
  BOOST_TEST(body.text("e", 0, 3).empty());
  check_invalid([&] { body.text("e", 1, 3); }, "e");
  check_invalid([&] { body.text("t", 4, 9); }, "t");
  check_invalid([&] { body.text("t", 0, 2); }, "t");
  check_invalid([&] { body.text("u", 0, 4); }, "u");
  for (const char* field : {"n", "z", "nul", "a", "absent"})
    check_invalid([&] { body.text(field, 0, 99); }, field);
  BOOST_TEST(!body.nullable_text("absent", 9));
  BOOST_TEST(!body.nullable_text("z", 9));
  BOOST_TEST(*body.nullable_text("e", 9) == "");
  check_invalid([&] { body.nullable_text("n", 9); }, "n");
}

BOOST_AUTO_TEST_CASE(ids_are_strict) {
  const json_body body(
      R"({"id":"0190A0B0-0000-7000-8000-000000000001","bad":"x","n":1,"ids":[],"z":null,
          "two":["0190a0b0-0000-7000-8000-000000000001","0190a0b0-0000-7000-8000-000000000002"],
          "mixed":["0190a0b0-0000-7000-8000-000000000001","nope"],"number":[1]})");
  BOOST_TEST(core::to_string(body.id("id")) == "0190a0b0-0000-7000-8000-000000000001");
  for (const char* field : {"bad", "n", "z", "absent", "ids"})
    check_invalid([&] { body.id(field); }, field);
  BOOST_TEST(body.ids("ids", 1).empty());
  BOOST_TEST(body.ids("two", 2).size() == 2u);
  check_invalid([&] { body.ids("two", 1); }, "two");
  for (const char* field : {"mixed", "number", "id", "z", "absent"})
    check_invalid([&] { body.ids(field, 9); }, field);
}

BOOST_AUTO_TEST_CASE(enumerations_are_strict) {
  const json_body body(R"({"m":"find_all","t":"negative_exemplar","x":"FIND_ALL","n":1,"z":null})");
  using core::prompt_type;
  using core::segmentation_mode;
  BOOST_CHECK(body.mode_or("m", segmentation_mode::point) == segmentation_mode::find_all);
  BOOST_CHECK(body.mode_or("absent", segmentation_mode::point) == segmentation_mode::point);
  BOOST_CHECK(body.prompt_type_or("t", prompt_type::segment) == prompt_type::negative_exemplar);
  for (const char* field : {"x", "n", "z"}) {
    check_invalid([&] { body.mode_or(field, segmentation_mode::point); }, field);
    check_invalid([&] { body.prompt_type_or(field, prompt_type::segment); }, field);
  }
}

BOOST_AUTO_TEST_CASE(utf8_is_checked) {
  for (const char* good : {"", "a", "ä", "€", "😀", "\xF4\x8F\xBF\xBF", "\xEF\xBF\xBD"})
    BOOST_TEST(net::valid_utf8(good));
  for (const char* bad :
       {"\x80", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
        "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80", "a\xFF", "\xE2\x82", "\xC3(", "\xE2(\xA1"})
    BOOST_TEST(!net::valid_utf8(bad));
  BOOST_TEST(net::code_points("aä€😀") == 4u);
}

BOOST_AUTO_TEST_SUITE_END()
