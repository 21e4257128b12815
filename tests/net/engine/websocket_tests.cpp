#include <boost/test/unit_test.hpp>
#include <chrono>
#include <thread>

#include "fakes.hpp"

using namespace samovar;
using namespace samovar::tests;
using core::event_type;

namespace {

const std::string key = "X-API-Key: ann-key\r\n";

struct socket_world : world {
  explicit socket_world(net::engine_limits l = {}) : world(l) { start(); }
  std::shared_ptr<actors::event_sink> sink() {
    wait_until([&] { return !sinks_of(ann.id).empty(); });
    return sinks_of(ann.id).back();
  }
  bool none_left() {
    return wait_until([&] { return sinks_of(ann.id).empty(); });
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(engine_websocket)

BOOST_AUTO_TEST_CASE(who_may_open_one) {
  socket_world w;
  BOOST_TEST(client(w.port).upgrade("/api/v1/ws", "").status == 401);
  BOOST_TEST(client(w.port).upgrade("/api/v1/ws", "X-API-Key: wrong\r\n").status == 401);
  const std::string cookie = "Cookie: samovar_session=ann-session\r\n";
  BOOST_TEST(client(w.port).upgrade("/api/v1/ws", cookie).status == 403);
  BOOST_TEST(client(w.port).upgrade("/api/v1/ws", cookie + "Origin: http://evil\r\n").status ==
             403);
  BOOST_TEST(client(w.port).upgrade("/api/v1/ws", cookie + "Origin: http://h\r\n").status == 101);
  BOOST_TEST(client(w.port).upgrade("/api/v1/ws?since=x", key).status == 422);
  client c(w.port);
  const auto a = c.upgrade("/api/v1/ws", key + "Sec-WebSocket-Protocol: other, samovar.v1\r\n");
  BOOST_TEST(a.status == 101);
  BOOST_TEST(a.header("Sec-WebSocket-Accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  BOOST_TEST(a.header("Sec-WebSocket-Protocol") == "samovar.v1");
  BOOST_TEST(!a.header("X-Request-Id").empty());
}

BOOST_AUTO_TEST_CASE(hello_events_and_close) {
  socket_world w;
  client c(w.port);
  BOOST_REQUIRE_EQUAL(c.upgrade("/api/v1/ws?since=3", key).status, 101);
  BOOST_TEST(c.frame().second == "{\"type\":\"hello\",\"seq\":7,\"jobs\":[]}");
  BOOST_TEST(c.frame().second == "{\"type\":\"resync\"}");
  w.sink()->deliver(make_event(event_type::job_queued, 8, 1));
  const auto f = c.frame();
  BOOST_TEST(f.first == 1);
  BOOST_TEST(f.second.starts_with("{\"type\":\"job.queued\",\"seq\":8,"));
  c.send_frame(1, "ignored");
  c.send_frame(9, "are you there");
  const auto pong = c.frame();
  BOOST_TEST(pong.first == 10);
  BOOST_TEST(pong.second == "are you there");
  c.send_frame(8, std::string("\x03\xe8", 2));
  BOOST_TEST(c.frame().first == 8);
  BOOST_TEST(c.closes());
  BOOST_TEST(w.none_left());
}

BOOST_AUTO_TEST_CASE(revocation_closes_at_once) {
  socket_world w;
  client c(w.port);
  BOOST_REQUIRE_EQUAL(c.upgrade("/api/v1/ws", key).status, 101);
  c.frame();
  w.sink();
  w.accounts.remove("ann-key");
  w.server->control().invalidate_key(*w.ann.via_key);
  BOOST_TEST(c.frame().first == 8);
  client again(w.port);
  BOOST_TEST(again.upgrade("/api/v1/ws", key).status == 401);
  client browser(w.port);
  BOOST_REQUIRE_EQUAL(
      browser.upgrade("/api/v1/ws", "Cookie: samovar_session=ann-session\r\nOrigin: http://h\r\n")
          .status,
      101);
  browser.frame();
  w.server->control().invalidate_user(w.ann.id);
  BOOST_TEST(browser.frame().first == 8);
}

BOOST_AUTO_TEST_CASE(pings_and_silent_peers) {
  net::engine_limits l;
  l.tick = std::chrono::milliseconds(20);
  l.ping = std::chrono::milliseconds(100);
  l.socket_silence = std::chrono::milliseconds(600);
  socket_world w(l);
  client c(w.port);
  BOOST_REQUIRE_EQUAL(c.upgrade("/api/v1/ws", key).status, 101);
  c.frame();
  for (int i = 0; i < 10; ++i) {  // answering keeps it open beyond the limit
    const auto f = c.frame();
    BOOST_REQUIRE_EQUAL(f.first, 9);
    c.send_frame(10, f.second);
  }
  BOOST_TEST(c.closes());
  BOOST_TEST(w.none_left());
}

BOOST_AUTO_TEST_CASE(a_stalled_reader_costs_a_bounded_outbox) {
  net::engine_limits l;
  l.outbox_bytes = 20'000;
  socket_world w(l);
  client stalled(w.port, 4096);
  client healthy(w.port);
  BOOST_REQUIRE_EQUAL(stalled.upgrade("/api/v1/ws", key).status, 101);
  stalled.frame();
  const auto slow = w.sink();
  BOOST_REQUIRE_EQUAL(healthy.upgrade("/api/v1/ws", key).status, 101);
  healthy.frame();
  BOOST_REQUIRE(wait_until([&] { return sinks_of(w.ann.id).size() == 2; }));
  const auto fast = sinks_of(w.ann.id).back();
  // More than the kernel's buffers hold.
  constexpr int count = 100'000;
  for (int i = 1; i <= count; ++i)
    slow->deliver(make_event(event_type::result_ready, i, static_cast<std::uint8_t>(i)));
  fast->deliver(make_event(event_type::job_completed, 5, 1));
  BOOST_TEST(healthy.frame().second.starts_with("{\"type\":\"job.completed\""));
  bool resync = false;
  std::int64_t last = 0;
  for (;;) {
    const auto f = stalled.frame();
    BOOST_REQUIRE_EQUAL(f.first, 1);
    if (f.second == "{\"type\":\"resync\"}") {
      resync = true;
      continue;
    }
    const auto seq = std::stoll(f.second.substr(f.second.find("\"seq\":") + 6));
    BOOST_REQUIRE(seq > last);
    last = seq;
    if (last == count) break;
  }
  BOOST_TEST(resync);
}

BOOST_AUTO_TEST_CASE(stopping_says_goodbye) {
  socket_world w;
  client c(w.port);
  BOOST_REQUIRE_EQUAL(c.upgrade("/api/v1/ws", key).status, 101);
  c.frame();
  std::shared_ptr<actors::event_sink> kept = w.sink();
  kept->deliver(make_event(event_type::job_completed, 9, 1));
  std::thread stopper([&] { w.server->stop(std::chrono::seconds(5)); });
  BOOST_TEST(c.frame().second.starts_with("{\"type\":\"job.completed\""));
  const auto bye = c.frame();
  BOOST_TEST(bye.first == 8);
  c.send_frame(8, bye.second);
  stopper.join();
  kept->deliver(make_event(event_type::job_completed, 10, 1));  // late events go nowhere
  kept->closed();
}

BOOST_AUTO_TEST_SUITE_END()
