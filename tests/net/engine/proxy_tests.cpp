#include <boost/test/unit_test.hpp>

#include "fakes.hpp"
#include "net/proxies.hpp"

using namespace samovar;
using namespace samovar::tests;
using net::access;
using net::body_kind;
using net::trusted_proxies;
using net::where;

namespace {

trusted_proxies list(std::string_view text) {
  auto parsed = trusted_proxies::parse(text);
  BOOST_REQUIRE(parsed.ok());
  return std::move(parsed).value();
}

/// What a handler sees of where a request came from.
struct proxy_world : world {
  explicit proxy_world(net::settings s, net::engine_limits l = {}) : world(l, std::move(s)) {
    add(make_route("GET", "/who", access::open, body_kind::none, where::inline_,
                   [](const net::request& q) {
                     net::reply r;
                     r.body = q.remote_address + (q.secure ? " secure " : " plain ") +
                              q.header("host").value_or("");
                     return r;
                   }));
    add(make_route("POST", "/api/v1/change", access::signed_in, body_kind::json, where::inline_,
                   [](const net::request&) { return net::reply{}; }));
    start();
  }
  std::string who(const std::string& headers) {
    return client(port).ask(get("/who", headers)).body;
  }
};

net::settings trusting(const std::string& proxies, const std::string& public_url = {}) {
  net::settings s;
  s.trusted_proxies = proxies;
  s.public_url = public_url;
  return s;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(engine_proxies)

BOOST_AUTO_TEST_CASE(lists_of_networks) {
  BOOST_TEST(list("").empty());
  BOOST_TEST(list(" , ").empty());
  const auto l = list("10.1.0.0/16, 192.0.2.7,2001:db8::/33 ,::1");
  for (const char* in :
       {"10.1.0.0", "10.1.255.255", "::ffff:10.1.2.3", "192.0.2.7", "::1", "2001:db8:7fff::1"})
    BOOST_TEST(l.contains(std::string(in)), in);
  for (const char* out : {"10.2.0.0", "10.0.255.255", "192.0.2.8", "::2",
                          "2001:db8:8000::", "nonsense", "", "10.1.0.0/16"})
    BOOST_TEST(!l.contains(std::string(out)), out);
  BOOST_TEST(list("0.0.0.0/0").contains(std::string("203.0.113.9")));
  BOOST_TEST(!list("0.0.0.0/0").contains(std::string("2001:db8::1")));
  BOOST_TEST(list("::/0").contains(std::string("203.0.113.9")));
  for (const char* bad : {"10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0/8", "::1/129", "x",
                          "1.2.3.4/8x", "localhost", "fe80::1%lo"}) {
    const auto parsed = trusted_proxies::parse(bad);
    BOOST_TEST(!parsed.ok(), bad);
    if (!parsed.ok()) BOOST_TEST(parsed.failure().detail.find(bad) != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(the_rightmost_address_that_is_not_trusted) {
  const auto l = list("127.0.0.1, 10.0.0.0/8");
  BOOST_TEST(l.client_of("203.0.113.9", "1.1.1.1") == "203.0.113.9");
  BOOST_TEST(l.client_of("127.0.0.1", "") == "127.0.0.1");
  BOOST_TEST(l.client_of("127.0.0.1", "203.0.113.5") == "203.0.113.5");
  BOOST_TEST(l.client_of("127.0.0.1", "6.6.6.6, 203.0.113.5") == "203.0.113.5");
  BOOST_TEST(l.client_of("127.0.0.1", "6.6.6.6, 203.0.113.5, 10.9.9.9") == "203.0.113.5");
  BOOST_TEST(l.client_of("127.0.0.1", "10.1.1.1, 10.2.2.2") == "10.1.1.1");
  BOOST_TEST(l.client_of("127.0.0.1", "203.0.113.5:4711") == "203.0.113.5");
  BOOST_TEST(l.client_of("127.0.0.1", "[2001:db8::5]:4711") == "2001:db8::5");
  BOOST_TEST(l.client_of("127.0.0.1", "2001:DB8::5") == "2001:db8::5");
  BOOST_TEST(l.client_of("127.0.0.1", "::ffff:203.0.113.5") == "203.0.113.5");
  // What a proxy could not say ends the walk at that proxy.
  BOOST_TEST(l.client_of("127.0.0.1", "6.6.6.6, unknown") == "127.0.0.1");
  BOOST_TEST(l.client_of("127.0.0.1", "6.6.6.6, , 10.9.9.9") == "10.9.9.9");
}

BOOST_AUTO_TEST_CASE(what_limits_count_by) {
  BOOST_TEST(net::limit_key("203.0.113.5") == "203.0.113.5");
  BOOST_TEST(net::limit_key("::ffff:203.0.113.5") == "203.0.113.5");
  BOOST_TEST(net::limit_key("2001:db8:1:2:3:4:5:6") == net::limit_key("2001:db8:1:2::9"));
  BOOST_TEST(net::limit_key("2001:db8:1:2::1") != net::limit_key("2001:db8:1:3::1"));
  BOOST_TEST(net::limit_key("") == "");
}

BOOST_AUTO_TEST_CASE(headers_count_only_from_a_trusted_proxy) {
  const std::string claims =
      "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 203.0.113.5\r\nX-Forwarded-Proto: https\r\n"
      "X-Forwarded-Host: seg.example\r\n";
  proxy_world nobody(trusting(""));
  BOOST_TEST(nobody.who(claims) == "127.0.0.1 plain h");
  proxy_world elsewhere(trusting("10.0.0.0/8"));
  BOOST_TEST(elsewhere.who(claims) == "127.0.0.1 plain h");
  proxy_world w(trusting("127.0.0.0/8"));
  BOOST_TEST(w.who(claims) == "203.0.113.5 secure seg.example");
  BOOST_TEST(w.who("") == "127.0.0.1 plain h");
  BOOST_TEST(w.who("X-Forwarded-Host: a/../b\r\nX-Forwarded-Proto: http\r\n") ==
             "127.0.0.1 plain h");
  proxy_world known(trusting("127.0.0.1", "http://inside.example"));
  BOOST_TEST(known.who(claims) == "203.0.113.5 plain h");
  proxy_world secure(trusting("127.0.0.1", "https://out.example"));
  BOOST_TEST(secure.who("X-Forwarded-Proto: http\r\n") == "127.0.0.1 secure h");
  BOOST_CHECK_THROW(proxy_world(trusting("127.0.0.1/40")), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(the_origin_check_knows_the_forwarded_host) {
  proxy_world w(trusting("127.0.0.1"));
  const std::string change =
      "POST /api/v1/change HTTP/1.1\r\nHost: backend:8080\r\nContent-Length: 0\r\n"
      "Cookie: samovar_session=ann-session\r\nX-CSRF-Token: csrf-of-ann\r\n"
      "X-Forwarded-Proto: https\r\n";
  const auto status = [&](const std::string& more) {
    return client(w.port).ask(change + more + "\r\n").status;
  };
  BOOST_TEST(status("X-Forwarded-Host: seg.example\r\nOrigin: https://seg.example\r\n") == 200);
  BOOST_TEST(status("X-Forwarded-Host: seg.example\r\nOrigin: http://seg.example\r\n") == 403);
  BOOST_TEST(status("X-Forwarded-Host: seg.example\r\nOrigin: https://backend:8080\r\n") == 403);
  BOOST_TEST(status("Origin: https://seg.example\r\n") == 403);
}

BOOST_AUTO_TEST_CASE(limits_count_the_client_not_the_proxy) {
  net::engine_limits l;
  l.connections_per_address = 2;
  proxy_world w(trusting("127.0.0.1"), l);
  // The proxy's own connections are not capped by address.
  std::vector<std::unique_ptr<client>> many;
  for (int i = 0; i < 5; ++i) {
    many.push_back(std::make_unique<client>(w.port));
    BOOST_TEST(many.back()->ask(get("/health")).status == 200);
  }
  // One client that guesses keys is told to wait, another behind the same proxy is not.
  auto& c = *many.front();
  const auto refused = [&](const std::string& from) {
    return c.ask(get("/api/v1/x", "X-Forwarded-For: " + from + "\r\n")).status;
  };
  int last = 401;
  for (int i = 0; i < 2000 && last == 401; ++i) last = refused("203.0.113.5");
  BOOST_TEST(last == 429);
  const auto a = c.ask(get("/api/v1/x", "X-Forwarded-For: 203.0.113.5\r\n"));
  if (a.status == 429) BOOST_TEST(std::stoi(a.header("Retry-After")) >= 1);
  BOOST_TEST(refused("203.0.113.6") == 401);
}

BOOST_AUTO_TEST_SUITE_END()
