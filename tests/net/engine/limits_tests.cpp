// Limits of rate, pace and number, and the headers that every answer carries.
#include <boost/test/unit_test.hpp>
#include <thread>

#include "fakes.hpp"
#include "net/pace.hpp"
#include "net/rate_limit.hpp"

using namespace samovar;
using namespace samovar::tests;
using namespace std::chrono_literals;
using net::access;
using net::body_kind;
using net::where;

namespace {

const std::string key = "Authorization: Bearer ann-key\r\n";

struct limits_world : world {
  explicit limits_world(net::settings s = {}, net::engine_limits l = {}) : world(l, std::move(s)) {
    add(make_route("GET", "/api/v1/mine", access::signed_in, body_kind::none, where::inline_,
                   [](const net::request&) { return net::reply{}; }));
    add(make_route("GET", "/api/v1/bug", access::open, body_kind::none, where::inline_,
                   [](const net::request&) -> net::reply { throw std::logic_error("x"); }));
    add(make_route("GET", "/api/v1/none", access::open, body_kind::none, where::inline_,
                   [](const net::request&) {
                     net::reply r;
                     r.status = 204;
                     return r;
                   }));
    add(make_route("POST", "/api/v1/take", access::open, body_kind::json, where::inline_,
                   [](const net::request& q) {
                     net::reply r;
                     r.body = std::to_string(q.body.size());
                     return r;
                   }));
    start();
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(engine_hardening)

BOOST_AUTO_TEST_CASE(pace_bounds_pauses_and_the_mean) {
  const net::pace::time t0{};
  net::pace p;
  // Nothing came yet: the pause and the grace are the same here.
  BOOST_CHECK(p.begin_wait(t0, 30s, 30s, 1000) == t0 + 30s);
  p.end_wait(t0 + 20s);
  p.moved(5'000);  // earns 5 s
  BOOST_CHECK(p.begin_wait(t0 + 20s, 30s, 30s, 1000) == t0 + 20s + 15s);
  p.end_wait(t0 + 25s);
  // Time that is not spent waiting for the peer does not count.
  p.moved(100'000);
  BOOST_CHECK(p.begin_wait(t0 + 500s, 30s, 30s, 1000) == t0 + 530s);
  p.end_wait(t0 + 501s);
  BOOST_CHECK(p.begin_wait(t0 + 600s, 30s, 30s, 0) == t0 + 630s);
  p.end_wait(t0 + 601s);
  p.reset();
  p.moved(1);
  // A byte every so often: each pause is fine, the whole of it is not.
  auto now = t0;
  int bytes = 0;
  while (p.begin_wait(now, 30s, 30s, 1000) > now + 5s && bytes < 100) {
    now += 5s;
    p.end_wait(now);
    p.moved(1);
    ++bytes;
  }
  BOOST_TEST(bytes == 6);
}

BOOST_AUTO_TEST_CASE(a_trickled_body_is_cut_off) {
  net::settings s;
  s.body_idle_s = 1;
  s.body_rate_min = 1'000'000;
  net::engine_limits l;
  l.tick = 20ms;
  limits_world w(s, l);
  client c(w.port);
  c.send("POST /api/v1/take HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
  std::atomic<bool> over{false};
  std::thread trickle([&] {
    // Never a pause of a second.
    for (int i = 0; i < 200 && !over; ++i) {
      c.send("x");
      std::this_thread::sleep_for(50ms);
    }
  });
  const auto a = c.read();
  over = true;
  trickle.join();
  BOOST_TEST(a.status == 408);
  // The same number of bytes in one go.
  client fast(w.port);
  BOOST_TEST(fast.ask("POST /api/v1/take HTTP/1.1\r\nHost: h\r\nContent-Length: 200\r\n\r\n" +
                      std::string(200, 'x'))
                 .body == "200");
}

BOOST_AUTO_TEST_CASE(empty_lines_do_not_keep_a_connection) {
  net::settings s;
  s.keep_alive_s = 1;
  net::engine_limits l;
  l.tick = 20ms;
  limits_world w(s, l);
  client c(w.port);
  BOOST_TEST(c.ask(get("/health")).status == 200);
  std::atomic<bool> over{false};
  std::thread trickle([&] {
    for (int i = 0; i < 200 && !over; ++i) {
      c.send("\r\n");
      std::this_thread::sleep_for(50ms);
    }
  });
  BOOST_TEST(c.closes());
  over = true;
  trickle.join();
}

BOOST_AUTO_TEST_CASE(keys_may_be_limited) {
  net::settings s;
  s.key_requests_per_minute = 5;
  limits_world w(s);
  client c(w.port);
  int good = 0;
  for (int i = 0; i < 5; ++i) good += c.ask(get("/api/v1/mine", key)).status == 200;
  BOOST_TEST(good == 5);
  const auto a = client(w.port).ask(get("/api/v1/mine", key));  // also on another connection
  BOOST_TEST(a.status == 429);
  BOOST_TEST(a.body.find("rate_limited") != std::string::npos);
  const int wait = std::stoi(a.header("Retry-After"));
  BOOST_TEST((wait >= 1 && wait <= 12));
  // Others are not counted with it, and neither is the web session of the same user.
  BOOST_TEST(c.ask(get("/api/v1/mine", "Cookie: samovar_session=ann-session\r\n")).status == 200);
  limits_world free;
  client d(free.port);
  for (int i = 0; i < 200; ++i) BOOST_REQUIRE(d.ask(get("/api/v1/mine", key)).status == 200);
}

BOOST_AUTO_TEST_CASE(a_flood_of_keys_costs_bounded_memory) {
  constexpr std::size_t max = 1000;
  net::rate_limit limit({1.0, 5.0}, max);
  const net::rate_limit::time t0{};
  for (int i = 0; i < 5; ++i) BOOST_TEST(limit.take("victim", t0));
  BOOST_TEST(!limit.take("victim", t0));
  for (int i = 0; i < 50'000; ++i) {
    limit.take("flood" + std::to_string(i), t0);
    BOOST_REQUIRE_LE(limit.size(), max);
  }
  // The emptiest buckets are kept: who was told to wait still is.
  BOOST_TEST(!limit.take("victim", t0));
  BOOST_TEST(limit.retry_after_s("victim", t0) == 1);
  // Full buckets go first.
  limit.take("late", t0 + 100s);
  BOOST_TEST(limit.size() <= max);
}

BOOST_AUTO_TEST_CASE(waiting_is_said_in_seconds) {
  net::door_limits door;
  const net::rate_limit::time t0{};
  BOOST_TEST(door.retry_after_s("203.0.113.5", t0) == 6);
  for (int i = 0; i < 200; ++i) door.allow_registration("203.0.113.5", t0);
  BOOST_TEST(!door.allow_registration("203.0.113.5", t0 + 2s));
  BOOST_TEST(door.allow_registration(
      "203.0.113.5", t0 + std::chrono::seconds(door.retry_after_s("203.0.113.5", t0))));
  // All addresses of an IPv6 network are one.
  for (int i = 0; i < 60; ++i) door.allow_registration("2001:db8::" + std::to_string(i), t0);
  BOOST_TEST(!door.allow_registration("2001:db8::ffff", t0));
}

BOOST_AUTO_TEST_CASE(every_answer_has_the_security_headers) {
  limits_world w;
  const std::string host = " HTTP/1.1\r\nHost: h\r\n";
  const std::vector<std::pair<int, std::string>> asked = {
      {200, get("/health")},
      {200, get("/")},
      {404, get("/missing.js")},
      {401, get("/api/v1/mine")},
      {200, get("/api/v1/mine", key)},
      {204, get("/api/v1/none")},
      {404, get("/api/v1/unknown", key)},
      {405, "DELETE /api/v1/mine" + host + key + "\r\n"},
      {403, "POST /api/v1/take" + host + "Origin: http://evil\r\nContent-Length: 0\r\n\r\n"},
      {413, "POST /api/v1/take" + host + "Content-Length: 99999999\r\n\r\n"},
      {400, get("/api/v1/mine", key + "Host: second\r\n")},
      {400, "nonsense\r\n\r\n"},
      {431, get("/health", "X: " + std::string(17'000, 'x') + "\r\n")},
      {400, get("/api/v1/ws", key)},
      {500, get("/api/v1/bug")},
  };
  for (const auto& [status, bytes] : asked) {
    const auto a = client(w.port).ask(bytes);
    BOOST_TEST_INFO(bytes.substr(0, 60));
    BOOST_CHECK_EQUAL(a.status, status);
    for (const char* name :
         {"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "X-Frame-Options",
          "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Permissions-Policy",
          "X-Request-Id", "Date"}) {
      BOOST_TEST_INFO(name);
      BOOST_CHECK(!a.header(name).empty());
    }
    const auto policy = a.header("Content-Security-Policy");
    const auto scripts = policy.substr(0, policy.find("style-src"));
    BOOST_CHECK(scripts.find("unsafe") == std::string::npos);
    BOOST_CHECK(policy.find("frame-ancestors 'none'") != std::string::npos);
    BOOST_CHECK(a.header("Strict-Transport-Security").empty());  // nobody spoke TLS
  }
  net::settings s;
  s.public_url = "https://seg.example";
  limits_world behind(s);
  BOOST_TEST(client(behind.port).ask(get("/")).header("Strict-Transport-Security") ==
             "max-age=31536000");
  s.hsts_s = 0;
  limits_world off(s);
  BOOST_TEST(client(off.port).ask(get("/")).header("Strict-Transport-Security").empty());
}

BOOST_AUTO_TEST_SUITE_END()
