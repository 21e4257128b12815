// Replacing a web session's token with an answer, the pool of passwords, and sockets across it all.
#include <boost/test/unit_test.hpp>
#include <future>
#include <thread>

#include "fakes.hpp"

using namespace samovar;
using namespace samovar::tests;
using net::access;
using net::body_kind;
using net::where;

namespace {

net::reply plain(const net::request&) {
  net::reply r;
  r.content_type = "text/plain";
  r.body = std::string("ok");
  return r;
}

const std::string old_cookie = "Cookie: samovar_session=old\r\n";
// What fake_secrets gives as a fresh token.
const std::string new_cookie = "Cookie: samovar_session=token\r\n";

struct rotation_world : world {
  core::acting_user browser = make_actor(1);
  explicit rotation_world(net::engine_limits l = {}) : world(l) {
    browser.via_session = core::web_session_id{};
    browser.via_session->value.bytes[0] = 9;
    browser.csrf_token = "csrf";
    browser.expires_at = core::timestamp{std::chrono::microseconds(1'764'000'100'000'000)};
    browser.rotation_due = true;
    accounts.add_session("old", browser);
    add(make_route("GET", "/api/v1/thing", access::signed_in, body_kind::none, where::inline_,
                   plain));
    add(make_route("POST", "/api/v1/thing", access::signed_in, body_kind::json, where::inline_,
                   plain));
    add(make_route("GET", "/api/v1/leave", access::signed_in, body_kind::none, where::inline_,
                   [](const net::request& q) {
                     auto r = plain(q);
                     r.headers.emplace_back("Set-Cookie", "samovar_session=; Max-Age=0");
                     return r;
                   }));
    start();
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(engine_rotation)

BOOST_AUTO_TEST_CASE(the_new_token_comes_with_an_answer_once_and_both_work) {
  rotation_world w;
  client c(w.port);
  const auto a = c.ask(get("/api/v1/thing", old_cookie));
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.header("Set-Cookie") ==
             "samovar_session=token; Path=/; HttpOnly; SameSite=Lax; Max-Age=100");
  const auto b = c.ask(get("/api/v1/thing", old_cookie));
  BOOST_TEST(b.status == 200);
  BOOST_TEST(b.header("Set-Cookie").empty());
  const auto d = c.ask(get("/api/v1/thing", new_cookie));
  BOOST_TEST(d.status == 200);
  BOOST_TEST(d.header("Set-Cookie").empty());
  BOOST_TEST(w.accounts.rotations == 1);
}

BOOST_AUTO_TEST_CASE(parallel_requests_replace_it_once_and_none_is_refused) {
  rotation_world w;
  std::vector<std::future<std::pair<int, bool>>> all;
  for (int i = 0; i < 12; ++i)
    all.push_back(std::async(std::launch::async, [&] {
      client c(w.port);
      const auto a = c.ask(get("/api/v1/thing", old_cookie));
      return std::pair(a.status, !a.header("Set-Cookie").empty());
    }));
  int cookies = 0;
  for (auto& f : all) {
    const auto [status, cookie] = f.get();
    BOOST_TEST(status == 200);
    cookies += cookie;
  }
  BOOST_TEST(cookies == 1);
  BOOST_TEST(w.accounts.rotations == 1);
}

BOOST_AUTO_TEST_CASE(slow_changing_and_leaving_requests_carry_no_new_token) {
  rotation_world w;
  client c(w.port);
  BOOST_TEST(c.ask(get("/api/v1/thing?wait=30", old_cookie)).header("Set-Cookie").empty());
  const auto post = c.ask("POST /api/v1/thing HTTP/1.1\r\nHost: h\r\nOrigin: http://h\r\n" +
                          old_cookie + "X-CSRF-Token: csrf\r\nContent-Length: 2\r\n\r\n{}");
  BOOST_TEST(post.status == 200);
  BOOST_TEST(post.header("Set-Cookie").empty());
  BOOST_TEST(c.ask(get("/api/v1/leave", old_cookie)).header("Set-Cookie") ==
             "samovar_session=; Max-Age=0");
}

BOOST_AUTO_TEST_CASE(without_the_database_the_old_token_goes_on) {
  rotation_world w;
  client c(w.port);
  BOOST_TEST(c.ask(get("/api/v1/thing?wait=1", old_cookie)).status == 200);  // now in the cache
  w.accounts.away = true;
  const auto a = c.ask(get("/api/v1/thing", old_cookie));
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.header("Set-Cookie").empty());
}

BOOST_AUTO_TEST_CASE(a_socket_is_looked_up_by_its_session_when_everything_is_in_doubt) {
  net::engine_limits l;
  l.tick = std::chrono::milliseconds(20);
  rotation_world w(l);
  client c(w.port);
  BOOST_REQUIRE_EQUAL(c.upgrade("/api/v1/ws", old_cookie + "Origin: http://h\r\n").status, 101);
  c.frame();
  w.accounts.remove("old");  // as after a rotation: the socket knows its session by id
  w.server->control().invalidate_everything();
  BOOST_TEST(wait_until([&] { return w.accounts.rechecks == 1; }));
  c.send_frame(9, "still there");
  BOOST_TEST(c.frame().first == 10);
  w.accounts.admits = false;
  w.server->control().invalidate_everything();
  BOOST_TEST(c.frame().first == 8);
}

BOOST_AUTO_TEST_CASE(a_reset_closes_the_browsers_sockets_and_leaves_the_keys) {
  rotation_world w;
  client browser(w.port), script(w.port);
  BOOST_REQUIRE_EQUAL(browser.upgrade("/api/v1/ws", old_cookie + "Origin: http://h\r\n").status,
                      101);
  BOOST_REQUIRE_EQUAL(script.upgrade("/api/v1/ws", "X-API-Key: ann-key\r\n").status, 101);
  browser.frame();
  script.frame();
  w.server->control().invalidate_user_sessions(w.ann.id);
  BOOST_TEST(browser.frame().first == 8);
  script.send_frame(9, "x");
  BOOST_TEST(script.frame().first == 10);
}

BOOST_AUTO_TEST_CASE(a_socket_ends_with_its_credential) {
  net::engine_limits l;
  l.tick = std::chrono::milliseconds(20);
  world w(l);
  auto brief = make_actor(1);
  brief.via_key = core::api_key_id{};
  // The fakes' clock stands still at this time.
  brief.expires_at = core::timestamp{std::chrono::microseconds(1'764'000'000'300'000)};
  w.accounts.add_key("brief", brief);
  w.start();
  client c(w.port);
  BOOST_REQUIRE_EQUAL(c.upgrade("/api/v1/ws", "X-API-Key: brief\r\n").status, 101);
  BOOST_TEST(c.frame().first == 1);
  BOOST_TEST(c.frame().first == 8);
}

BOOST_AUTO_TEST_CASE(a_socket_of_a_key_that_ends_in_a_thousand_years_stays) {
  net::engine_limits l;
  l.tick = std::chrono::milliseconds(20);
  world w(l);
  auto lasting = make_actor(1);
  lasting.via_key = core::api_key_id{};
  lasting.expires_at = core::timestamp{std::chrono::hours(24 * 365 * 1000L)};
  w.accounts.add_key("lasting", lasting);
  w.start();
  client c(w.port);
  BOOST_REQUIRE_EQUAL(c.upgrade("/api/v1/ws", "X-API-Key: lasting\r\n").status, 101);
  BOOST_TEST(c.frame().first == 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // some ticks
  c.send_frame(9, "x");
  BOOST_TEST(c.frame().first == 10);
}

BOOST_AUTO_TEST_CASE(hashing_passwords_holds_up_nobody_else_and_its_queue_is_bounded) {
  net::engine_limits l;
  l.password_queue = 2;
  net::settings s;
  s.pool_threads = 1;
  world w(l, s);
  std::promise<void> go;
  const auto gone = go.get_future().share();
  std::atomic<int> begun{0};
  w.add(make_route("POST", "/api/v1/hash", access::open, body_kind::none, where::passwords,
                   [&](const net::request& q) {
                     ++begun;
                     gone.wait();
                     return plain(q);
                   }));
  w.add(make_route("GET", "/api/v1/pool", access::signed_in, body_kind::none, where::pool, plain));
  w.start();
  const auto post = [&] {
    return client(w.port).ask("POST /api/v1/hash HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
  };
  std::vector<std::future<answer>> held;
  held.push_back(std::async(std::launch::async, post));
  BOOST_TEST(wait_until([&] { return begun == 1; }));
  for (int i = 0; i < 4; ++i) held.push_back(std::async(std::launch::async, post));
  // Two wait, two are refused; requests of the common pool pass.
  int refused = 0;
  BOOST_TEST(wait_until([&] {
    refused = 0;
    for (auto& f : held)
      refused += f.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
    return refused == 2;
  }));
  BOOST_TEST(client(w.port).ask(get("/api/v1/pool", "X-API-Key: ann-key\r\n")).status == 200);
  go.set_value();
  std::map<int, int> statuses;
  for (auto& f : held) {
    const auto a = f.get();
    ++statuses[a.status];
    if (a.status == 503) BOOST_TEST(!a.header("Retry-After").empty());
  }
  BOOST_TEST(statuses[200] == 3);
  BOOST_TEST(statuses[503] == 2);
}

BOOST_AUTO_TEST_SUITE_END()
