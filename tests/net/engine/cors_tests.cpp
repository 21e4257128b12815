// Pages of other origins: none without the setting; those named may, with API keys alone.
#include "net/cors.hpp"

#include <boost/test/unit_test.hpp>

#include "fakes.hpp"

using namespace samovar;
using namespace samovar::tests;

namespace {

const std::string key = "X-API-Key: ann-key\r\n";
const std::string page = "Origin: https://app.example.org\r\n";
const std::string stranger = "Origin: https://app.example.org.evil.com\r\n";
const std::string asks = "Access-Control-Request-Method: PATCH\r\n";

struct cors_world : world {
  explicit cors_world(const std::string& origins = "http://localhost:3000, https://APP.example.org")
      : world({}, with(origins)) {
    add(make_route("GET", "/api/v1/mine", net::access::signed_in, net::body_kind::none,
                   net::where::inline_, [](const net::request&) { return net::reply{}; }));
    add(make_route("POST", "/api/v1/open", net::access::open, net::body_kind::none,
                   net::where::inline_, [](const net::request&) { return net::reply{}; }));
    start();
  }
  static net::settings with(const std::string& origins) {
    net::settings s;
    s.cors_origins = origins;
    return s;
  }
};

std::string preflight(const std::string& path, const std::string& headers) {
  return "OPTIONS " + path + " HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(engine_cors)

BOOST_AUTO_TEST_CASE(without_the_setting_nobody_may) {
  cors_world w("");
  client c(w.port);
  const auto a = c.ask(get("/api/v1/mine", key + page));
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.header("Access-Control-Allow-Origin").empty());
  BOOST_TEST(a.header("Vary").empty());
  BOOST_TEST(c.ask(preflight("/api/v1/mine", page + asks)).status == 401);
}

BOOST_AUTO_TEST_CASE(a_named_page_may_read_answers_and_ask_before) {
  cors_world w;
  client c(w.port);
  const auto asked = c.ask(preflight("/api/v1/mine", page + asks));
  BOOST_TEST(asked.status == 204);
  BOOST_TEST(asked.header("Access-Control-Allow-Origin") == "https://app.example.org");
  BOOST_TEST(asked.header("Access-Control-Allow-Methods").find("PATCH") != std::string::npos);
  BOOST_TEST(asked.header("Access-Control-Allow-Headers").find("X-API-Key") != std::string::npos);
  BOOST_TEST(!asked.header("X-Content-Type-Options").empty());
  for (const auto& who : {key, std::string()}) {
    const auto a = c.ask(get("/api/v1/mine", who + page));
    BOOST_TEST(a.status == (who.empty() ? 401 : 200));
    BOOST_TEST(a.header("Access-Control-Allow-Origin") == "https://app.example.org");
    BOOST_TEST(a.header("Access-Control-Expose-Headers").find("Link") != std::string::npos);
    BOOST_TEST(a.header("Access-Control-Allow-Credentials").empty());
    BOOST_TEST(a.header("Vary") == "Origin");
  }
}

BOOST_AUTO_TEST_CASE(others_may_not) {
  cors_world w;
  client c(w.port);
  for (const auto& who : {stranger, std::string("Origin: null\r\n"), std::string()}) {
    const auto a = c.ask(get("/api/v1/mine", key + who));
    BOOST_TEST(a.status == 200);
    BOOST_TEST(a.header("Access-Control-Allow-Origin").empty());
    BOOST_TEST(a.header("Vary") == "Origin");
    BOOST_TEST(c.ask(preflight("/api/v1/mine", who + asks)).status == 401);
  }
  // Only the API, and only a browser's question: OPTIONS by itself is a method like another.
  BOOST_TEST(c.ask(get("/health", page)).header("Access-Control-Allow-Origin").empty());
  BOOST_TEST(c.ask(preflight("/api/v1/mine", page)).status == 401);
  BOOST_TEST(c.ask(preflight("/api/v1/mine", page + key)).status == 405);
}

BOOST_AUTO_TEST_CASE(a_named_page_acts_with_nobodys_cookie) {
  cors_world w;
  const std::string cookie =
      "Cookie: samovar_session=ann-session\r\nX-CSRF-Token: csrf-of-ann\r\nContent-Length: 0\r\n";
  for (const auto& headers : {page, page + cookie}) {
    client c(w.port);
    const auto a = c.ask("POST /api/v1/open HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n");
    BOOST_TEST(a.status == 403);
  }
}

BOOST_AUTO_TEST_CASE(what_is_no_origin_is_refused) {
  for (const char* bad : {"*", "null", "app.example.org", "https://", "https://a.org/",
                          "https://a.org/x", "ftp://a.org", "https://a.org?x", "https://u@a.org"}) {
    const auto read = net::cors_origins::parse(bad);
    BOOST_TEST_INFO(bad);
    BOOST_REQUIRE(!read.ok());
    BOOST_TEST(read.failure().field == "http.cors_origins");
  }
  BOOST_TEST(net::cors_origins::parse(" , ").value().empty());
}

BOOST_AUTO_TEST_SUITE_END()
