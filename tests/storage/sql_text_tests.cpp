#include "storage/sql_text.hpp"

#include <boost/test/unit_test.hpp>
#include <limits>
#include <stdexcept>

using namespace samovar;
using namespace samovar::storage;

BOOST_AUTO_TEST_SUITE(sql_text)

BOOST_AUTO_TEST_CASE(text_is_quoted_and_nul_refused) {
  std::string out;
  append_literal(out, std::string{"it's \\ \"x\"; drop table users"});
  BOOST_TEST(out == "'it''s \\ \"x\"; drop table users'");
  BOOST_CHECK_THROW(append_literal(out, std::string{"a\0b", 3}), std::invalid_argument);
  BOOST_CHECK_THROW(append_literal(out, std::numeric_limits<double>::infinity()),
                    std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(calls_are_built_from_values) {
  constexpr statement s{"name", ""};
  BOOST_TEST(execute_text(s) == "execute name");
  BOOST_TEST(execute_text(s, 1, true, std::optional<std::string>{}, bytes{"\x01\xff"}) ==
             "execute name(1,true,null,'\\x01ff')");
}

BOOST_AUTO_TEST_CASE(arrays_survive_a_round_trip) {
  const std::vector<std::string> texts = {"", "a,b", "q\"uote", "back\\slash", "{}", "NULL", "é"};
  std::string literal;
  append_literal(literal, texts);
  BOOST_TEST(read_text_array(literal.substr(1, literal.size() - 2)) == texts);
  BOOST_TEST(read_text_array("{}").empty());
  BOOST_TEST(read_uuid_array("{}").empty());
  BOOST_TEST(read_uuid_array("{00000000-0000-0000-0000-000000000001,"
                             "00000000-0000-0000-0000-000000000002}")
                 .size() == 2u);
  BOOST_TEST(read_bytea("\\x00ff") == std::string("\0\xff", 2));
}

BOOST_AUTO_TEST_CASE(times_keep_their_microseconds) {
  const auto t = read_timestamp("2026-11-25 06:38:06.123456+00");
  BOOST_TEST(core::to_rfc3339(t) == "2026-11-25T06:38:06.123456Z");
  BOOST_TEST(core::to_rfc3339(read_timestamp("2026-11-25 06:38:06+00")) ==
             "2026-11-25T06:38:06.000000Z");
  BOOST_CHECK_THROW(read_timestamp("infinity"), std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()
