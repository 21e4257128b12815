// Header values folded over several lines (RFC 9112 5.2) are refused wherever they stand: the
// parser's unfolded copy does not live long enough to be looked at.
#include <boost/test/unit_test.hpp>

#include "fakes.hpp"

using namespace samovar;
using namespace samovar::tests;

BOOST_AUTO_TEST_SUITE(engine_folded_headers)

BOOST_AUTO_TEST_CASE(folded_values_get_400_whoever_sends_them) {
  world w;
  w.add(make_route("GET", "/api/v1/mine", net::access::signed_in, net::body_kind::none,
                   net::where::inline_, [](const net::request&) { return net::reply{}; }));
  w.start();
  const std::string key = "Authorization: Bearer ann-key\r\n";
  for (const std::string headers :
       {"X-API-Key: a\r\n b\r\n", "X-API-Key: ann-key\r\n\t \r\n",
        "Authorization: Bearer\r\n x\r\n", "X-API-Key:\r\n ann-key\r\n",
        "Cookie: samovar_session=a;\r\n b=c\r\n", "Origin: http://h\r\n  /x\r\n",
        "X-Request-Id: abc\r\n def\r\n", "Accept: a,\r\n\tb\r\n", "X-Pad: a\r\n b\r\n c\r\n"}) {
    for (const auto& more : {std::string(), key}) {
      client c(w.port);
      const auto a = c.ask(get("/api/v1/mine", headers + more));
      BOOST_TEST_INFO(headers);
      BOOST_CHECK_EQUAL(a.status, 400);
      BOOST_CHECK(a.body.find("malformed_request") != std::string::npos);
      BOOST_CHECK_EQUAL(a.header("X-Request-Id").size(), 16u);
      BOOST_CHECK(c.closes());
    }
  }
  client host(w.port);
  BOOST_TEST(host.ask("GET /health HTTP/1.1\r\nHost: a\r\n b\r\n\r\n").status == 400);
  // White space within and around a value is no fold.
  client c(w.port);
  BOOST_TEST(c.ask(get("/api/v1/mine", "X-API-Key:  \t ann-key \t\r\n")).status == 200);
}

BOOST_AUTO_TEST_SUITE_END()
