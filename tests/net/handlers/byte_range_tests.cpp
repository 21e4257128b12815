#include <boost/test/unit_test.hpp>

#include "net/handlers/byte_range.hpp"

using samovar::net::parse_range;
using samovar::net::range_kind;

namespace {

void check_part(const char* header, std::uint64_t begin, std::uint64_t length) {
  const auto r = parse_range(header, 100);
  BOOST_TEST_CONTEXT(header) {
    BOOST_CHECK(r.kind == range_kind::part);
    BOOST_TEST(r.begin == begin);
    BOOST_TEST(r.length == length);
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(byte_ranges)

BOOST_AUTO_TEST_CASE(parts) {
  check_part("bytes=0-0", 0, 1);
  check_part("bytes=0-99", 0, 100);
  check_part("bytes=10-19", 10, 10);
  check_part("bytes=99-", 99, 1);
  check_part("bytes=0-", 0, 100);
  check_part("bytes=50-1000", 50, 50);
  check_part("bytes=-1", 99, 1);
  check_part("bytes=-100", 0, 100);
  check_part("bytes=-5000", 0, 100);
  check_part("bytes= 1-2 ", 1, 2);
  check_part("bytes=1-99999999999999999999999", 1, 99);
}

BOOST_AUTO_TEST_CASE(outside) {
  for (const char* header :
       {"bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999-"})
    BOOST_CHECK(parse_range(header, 100).kind == range_kind::unsatisfiable);
  BOOST_CHECK(parse_range("bytes=0-", 0).kind == range_kind::unsatisfiable);
  BOOST_CHECK(parse_range("bytes=-1", 0).kind == range_kind::unsatisfiable);
}

BOOST_AUTO_TEST_CASE(ignored) {
  for (const char* header :
       {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=2-1", "items=0-1", "bytes=0-1,3-4",
        "bytes=0x1-2", "bytes=+1-2", "bytes=1", "bytes=--1"})
    BOOST_CHECK(parse_range(header, 100).kind == range_kind::whole);
}

BOOST_AUTO_TEST_SUITE_END()
