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

net::reply echo(const net::request& q) {
  net::reply r;
  r.content_type = "text/plain";
  r.body = q.method + " " + q.path + " [" + q.body + "]" +
           (q.path_values.empty() ? "" : " " + q.path_values[0]);
  return r;
}

struct http_world : world {
  explicit http_world(net::engine_limits l = {}, net::settings s = {}) : world(l, s) {
    add(make_route("GET", "/api/v1/fast/{id}", access::signed_in, body_kind::none, where::inline_,
                   echo));
    add(make_route("GET", "/api/v1/slow/{id}", access::signed_in, body_kind::none, where::pool,
                   [](const net::request& q) {
                     std::this_thread::sleep_for(std::chrono::milliseconds(50));
                     return echo(q);
                   }));
    add(make_route("POST", "/api/v1/echo", access::signed_in, body_kind::json, where::pool, echo));
    add(make_route("POST", "/api/v1/open", access::open, body_kind::json, where::inline_, echo));
    add(make_route("GET", "/api/v1/admin/x", access::admin, body_kind::none, where::inline_, echo));
    add(make_route("GET", "/api/v1/bug", access::signed_in, body_kind::none, where::inline_,
                   [](const net::request&) -> net::reply { throw std::logic_error("secret"); }));
    add(make_route("GET", "/api/v1/away", access::signed_in, body_kind::none, where::pool,
                   [](const net::request&) -> net::reply { throw core::store_unavailable("x"); }));
    add(make_route("GET", "/api/v1/stream", access::signed_in, body_kind::none, where::pool,
                   [](const net::request&) {
                     net::reply r;
                     r.body = net::body_source([n = 0](std::string& piece) mutable {
                       piece.assign(50'000, static_cast<char>('a' + n));
                       return ++n < 5;
                     });
                     return r;
                   }));
    net::route silent;
    silent.method = "GET";
    silent.pattern = "/api/v1/silent";
    silent.runs = where::inline_;
    silent.handle = [](const std::shared_ptr<const net::request>&, const net::respond&) {};
    add(silent);
    start();
  }
};

const std::string key = "Authorization: Bearer ann-key\r\n";

std::string post(std::string_view path, std::string_view headers, std::string_view body) {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(headers) + "\r\n" + std::string(body);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(engine_http)

BOOST_AUTO_TEST_CASE(keep_alive_and_security_headers) {
  http_world w;
  client c(w.port);
  for (int i = 0; i < 300; ++i) {
    const auto a = c.ask(get("/api/v1/fast/" + std::to_string(i), key));
    BOOST_REQUIRE_EQUAL(a.status, 200);
    BOOST_REQUIRE_EQUAL(a.body,
                        "GET /api/v1/fast/" + std::to_string(i) + " [] " + std::to_string(i));
  }
  const auto a = c.ask(get("/health", "X-Request-Id: my-id.1\r\n"));
  BOOST_TEST(a.body == "{\"status\":\"healthy\"}");
  BOOST_TEST(a.header("X-Request-Id") == "my-id.1");
  BOOST_TEST(a.header("X-Content-Type-Options") == "nosniff");
  BOOST_TEST(!a.header("Content-Security-Policy").empty());
  BOOST_TEST(!a.header("Referrer-Policy").empty());
  const auto odd = c.ask(get("/api/v1/health", "X-Request-Id: a<b>\r\n"));
  BOOST_TEST(odd.status == 200);
  BOOST_TEST(odd.header("X-Request-Id").size() == 16u);
  BOOST_TEST(wait_until([&] { return w.accounts.touches >= 1; }));  // noted on the pool
  BOOST_TEST(w.accounts.touches == 1);
}

BOOST_AUTO_TEST_CASE(pipelined_answers_keep_their_order) {
  http_world w;
  client c(w.port);
  std::string all;
  for (int i = 0; i < 20; ++i)
    all += get((i % 3 ? "/api/v1/fast/" : "/api/v1/slow/") + std::to_string(i), key);
  c.send(all);
  for (int i = 0; i < 20; ++i) {
    const auto a = c.read();
    BOOST_REQUIRE(a.body.ends_with(" " + std::to_string(i)));
  }
}

BOOST_AUTO_TEST_CASE(a_flood_of_pipelined_requests_is_answered) {
  http_world w;
  client c(w.port);
  std::string all;
  for (int i = 0; i < 2000; ++i) all += get("/health");
  std::thread sender([&] { c.send(all); });
  int good = 0;
  for (int i = 0; i < 2000; ++i) good += c.read().status == 200;
  sender.join();
  BOOST_TEST(good == 2000);
}

BOOST_AUTO_TEST_CASE(unauthenticated_comes_first) {
  http_world w;
  client c(w.port);
  for (const char* path : {"/api/v1/fast/1", "/api/v1/unknown", "/api/v1/admin/x", "/api/v1/ws"}) {
    const auto a = c.ask(get(path));
    BOOST_TEST(a.status == 401);
    BOOST_TEST(a.body.find("\"code\":\"not_signed_in\"") != std::string::npos);
  }
  BOOST_TEST(c.ask(post("/api/v1/fast/1", "", "{}")).status == 401);
  BOOST_TEST(c.ask(get("/api/v1/fast/1", "X-API-Key: wrong\r\n")).status == 401);
  BOOST_TEST(c.ask(get("/api/v1/fast/1", "Cookie: samovar_session=wrong\r\n")).status == 401);
  // A large body is refused before it is read.
  client big(w.port);
  const auto a =
      big.ask("POST /api/v1/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n");
  BOOST_TEST(a.status == 401);
  BOOST_TEST(a.header("Connection") == "close");
}

BOOST_AUTO_TEST_CASE(then_not_found_and_method_not_allowed) {
  http_world w;
  client c(w.port);
  BOOST_TEST(c.ask(get("/api/v1/unknown", key)).status == 404);
  BOOST_TEST(c.ask(get("/api/unknown")).status == 404);
  const auto a = c.ask("DELETE /api/v1/fast/1 HTTP/1.1\r\nHost: h\r\n" + key + "\r\n");
  BOOST_TEST(a.status == 405);
  BOOST_TEST(a.header("Allow") == "GET, HEAD");
  BOOST_TEST(c.ask(get("/api/v1/admin/x", key)).status == 403);
  BOOST_TEST(c.ask(get("/api/v1/admin/x", "X-API-Key: admin-key\r\n")).status == 200);
  BOOST_TEST(c.ask(get("/api/v1/ws", key)).status == 400);
  const auto page = c.ask(get("/some/page"));
  BOOST_TEST(page.status == 200);
  BOOST_TEST(page.header("Content-Type") == "text/html; charset=utf-8");
  BOOST_TEST(c.ask(get("/missing.js")).status == 404);
}

BOOST_AUTO_TEST_CASE(csrf_and_read_only) {
  http_world w;
  client c(w.port);
  const std::string cookie = "Cookie: samovar_session=ann-session\r\n";
  const std::string token = "X-CSRF-Token: csrf-of-ann\r\n";
  BOOST_TEST(c.ask(get("/api/v1/fast/1", cookie)).status == 200);
  BOOST_TEST(c.ask(post("/api/v1/echo", cookie, "x")).status == 403);
  BOOST_TEST(c.ask(post("/api/v1/echo", cookie + "X-CSRF-Token: wrong\r\n", "x")).status == 403);
  const auto evil = c.ask(post("/api/v1/echo", cookie + token + "Origin: http://evil\r\n", "x"));
  BOOST_TEST(evil.status == 403);
  BOOST_TEST(evil.body.find("csrf_failed") != std::string::npos);
  BOOST_TEST(c.ask(post("/api/v1/echo", cookie + token + "Origin: http://h\r\n", "x")).status ==
             200);
  BOOST_TEST(c.ask(post("/api/v1/echo", cookie + token, "x")).status == 403);
  BOOST_TEST(c.ask(post("/api/v1/open", "Origin: http://evil\r\n", "x")).status == 403);
  BOOST_TEST(c.ask(post("/api/v1/open", "", "x")).status == 200);
  const auto reader = c.ask(post("/api/v1/echo", "X-API-Key: reader-key\r\n", "x"));
  BOOST_TEST(reader.status == 403);
  BOOST_TEST(reader.body.find("read_only_key") != std::string::npos);
  BOOST_TEST(c.ask(get("/api/v1/fast/1", "X-API-Key: reader-key\r\n")).status == 200);
}

BOOST_AUTO_TEST_CASE(bodies) {
  http_world w;
  client c(w.port);
  BOOST_TEST(c.ask(post("/api/v1/echo", key, "hello")).body == "POST /api/v1/echo [hello]");
  const auto chunked = c.ask("POST /api/v1/echo HTTP/1.1\r\nHost: h\r\n" + key +
                             "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n"
                             "Trailer: x\r\n\r\n");
  BOOST_TEST(chunked.body == "POST /api/v1/echo [abcde]");
  // Byte by byte, with Expect.
  c.send("POST /api/v1/echo HTTP/1.1\r\nHost: h\r\n" + key +
         "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  BOOST_TEST(c.read().status == 100);
  for (const char* b : {"1", "2", "3"}) c.send(b);
  BOOST_TEST(c.read().body == "POST /api/v1/echo [123]");
  const std::string large(3'000'000, 'x');
  BOOST_TEST(c.ask(post("/api/v1/echo", key, large)).body.size() > large.size());
  const auto too_large = c.ask(post("/api/v1/echo", key, std::string(4'500'000, 'x')));
  BOOST_TEST(too_large.status == 413);
  client d(w.port);
  d.send("POST /api/v1/echo HTTP/1.1\r\nHost: h\r\n" + key + "Transfer-Encoding: chunked\r\n\r\n");
  std::string chunk = "fffff\r\n" + std::string(0xfffff, 'x') + "\r\n";
  for (int i = 0; i < 5; ++i) d.send(chunk);
  BOOST_TEST(d.read().status == 413);
}

BOOST_AUTO_TEST_CASE(head_and_old_clients) {
  http_world w;
  client c(w.port);
  c.send("HEAD /api/v1/fast/1 HTTP/1.1\r\nHost: h\r\n" + key + "\r\n" + get("/health"));
  const auto head = c.read(true);
  BOOST_TEST(head.status == 200);
  BOOST_TEST(head.header("Content-Length") == "24");
  BOOST_TEST(c.read().body == "{\"status\":\"healthy\"}");
  client old(w.port);
  const auto a = old.ask("GET /health HTTP/1.0\r\n\r\n");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.head.starts_with("HTTP/1.0"));
  BOOST_TEST(old.closes());
  client kept(w.port);
  BOOST_TEST(kept.ask("GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").status == 200);
  BOOST_TEST(kept.ask("GET /health HTTP/1.0\r\n\r\n").status == 200);
  client streamed(w.port);
  BOOST_TEST(streamed.ask("GET /api/v1/stream HTTP/1.0\r\n" + key + "\r\n").body.size() ==
             250'000u);
}

BOOST_AUTO_TEST_CASE(streams_are_chunked) {
  http_world w;
  client c(w.port);
  for (int i = 0; i < 3; ++i) {
    const auto a = c.ask(get("/api/v1/stream", key));
    BOOST_TEST(a.header("Transfer-Encoding") == "chunked");
    BOOST_REQUIRE_EQUAL(a.body.size(), 250'000u);
    BOOST_TEST(a.body.back() == 'e');
  }
}

BOOST_AUTO_TEST_CASE(malformed_requests_get_400_and_the_door) {
  http_world w;
  for (const char* bytes :
       {"GET\r\n\r\n", "\x16\x03\x01\x02", "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/3.0\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : h\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        "POST /api/v1/open HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    client c(w.port);
    const auto a = c.ask(bytes);
    BOOST_TEST_INFO(bytes);
    BOOST_CHECK_EQUAL(a.status, 400);
    BOOST_CHECK(!a.header("X-Request-Id").empty());
    BOOST_CHECK(a.body.find("malformed_request") != std::string::npos);
    BOOST_CHECK(c.closes());
  }
  client c(w.port);
  for (const char* path : {"/api/v1/fast/%zz", "/api/v1/fast/%ff", "/api/v1/fast/%00",
                           "/api/v1/fast/1?q=%ff", "/x?q=%4"})
    BOOST_TEST(c.ask(get(path, key)).status == 400);
  BOOST_TEST(c.ask(get("http://h/health")).status == 200);
  BOOST_TEST(c.ask(get("/../../etc/passwd.txt")).status == 404);
}

BOOST_AUTO_TEST_CASE(header_limit) {
  http_world w;
  client c(w.port);
  BOOST_TEST(c.ask(get("/health", "X-Pad: " + std::string(15'000, 'p') + "\r\n")).status == 200);
  const auto a = c.ask(get("/health", "X-Pad: " + std::string(17'000, 'p') + "\r\n"));
  BOOST_TEST(a.status == 431);
  BOOST_TEST(a.body.find("header_too_large") != std::string::npos);
  BOOST_TEST(c.closes());
}

BOOST_AUTO_TEST_CASE(slow_senders_are_cut_off) {
  net::engine_limits l;
  l.tick = std::chrono::milliseconds(50);
  net::settings s;
  s.header_read_s = 1;
  s.body_idle_s = 1;
  s.keep_alive_s = 1;
  http_world w(l, s);
  client head(w.port);
  client body(w.port);
  client idle(w.port);
  client mute(w.port);
  head.send("GET /health HTTP/1.1\r\nHo");
  body.send("POST /api/v1/open HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
  BOOST_TEST(idle.ask(get("/health")).status == 200);
  BOOST_TEST(head.read().status == 408);
  BOOST_TEST(body.read().status == 408);
  BOOST_TEST(head.closes());
  BOOST_TEST(idle.closes());
  BOOST_TEST(mute.closes());
}

BOOST_AUTO_TEST_CASE(broken_handlers) {
  http_world w;
  client c(w.port);
  const auto bug = c.ask(get("/api/v1/bug", key));
  BOOST_TEST(bug.status == 500);
  BOOST_TEST(bug.body.find("secret") == std::string::npos);
  const auto away = c.ask(get("/api/v1/away", key));
  BOOST_TEST(away.status == 503);
  BOOST_TEST(!away.header("Retry-After").empty());
  BOOST_TEST(c.ask(get("/api/v1/silent", key)).status == 500);
}

BOOST_AUTO_TEST_CASE(a_full_pool_is_503) {
  net::engine_limits l;
  l.pool_queue = 1;
  net::settings s;
  s.pool_threads = 1;
  world w(l, s);
  std::promise<void> gate;
  auto open = gate.get_future().share();
  std::atomic<int> begun{0};
  w.add(make_route("GET", "/block", access::open, body_kind::none, where::pool,
                   [&](const net::request& q) {
                     ++begun;
                     open.wait();
                     return echo(q);
                   }));
  w.start();
  client a(w.port), b(w.port), c(w.port);
  a.send(get("/block"));
  BOOST_TEST(wait_until([&] { return begun == 1; }));
  b.send(get("/block"));
  BOOST_TEST(wait_until([&] {
    return client(w.port).ask(get("/metrics")).body.find("samovar_pool_queue 1") !=
           std::string::npos;
  }));
  const auto refused = c.ask(get("/block"));
  BOOST_TEST(refused.status == 503);
  BOOST_TEST(!refused.header("Retry-After").empty());
  gate.set_value();
  BOOST_TEST(a.read().status == 200);
  BOOST_TEST(b.read().status == 200);
}

BOOST_AUTO_TEST_CASE(connection_caps) {
  net::engine_limits l;
  l.connections_per_address = 3;
  http_world w(l);
  {
    client a(w.port), b(w.port), c(w.port);
    BOOST_TEST(a.ask(get("/health")).status == 200);
    BOOST_TEST(b.ask(get("/health")).status == 200);
    BOOST_TEST(c.ask(get("/health")).status == 200);
    client d(w.port);
    BOOST_TEST(d.closes());
  }
  BOOST_TEST(wait_until([&] { return client(w.port).ask(get("/health")).status == 200; }));
}

BOOST_AUTO_TEST_CASE(system_routes) {
  http_world w;
  client c(w.port);
  BOOST_TEST(c.ask(get("/healthz")).status == 200);
  BOOST_TEST(c.ask(get("/readyz")).status == 200);
  w.database_ready = false;
  const auto away = c.ask(get("/readyz"));
  BOOST_TEST(away.status == 503);
  BOOST_TEST(away.body.find("\"database\":\"failing\"") != std::string::npos);
  c.ask(get("/api/v1/fast/1", key));
  const auto m = c.ask(get("/metrics"));
  BOOST_TEST(m.header("Content-Type").starts_with("text/plain; version=0.0.4"));
  BOOST_TEST(m.body.find(
                 "samovar_http_requests_total{route=\"GET /api/v1/fast/{id}\",status=\"2xx\"} 1") !=
             std::string::npos);
  BOOST_TEST(m.body.find("samovar_connections 1") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(stopping_lets_requests_finish) {
  http_world w;
  client idle(w.port);
  client busy(w.port);
  BOOST_TEST(idle.ask(get("/health")).status == 200);
  BOOST_TEST(busy.ask(get("/api/v1/fast/1", key)).status == 200);
  busy.send(get("/api/v1/slow/1", key));
  BOOST_TEST(wait_until([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return true;
  }));
  w.server->stop(std::chrono::seconds(5));
  const auto a = busy.read();
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.header("Connection") == "close");
  BOOST_TEST(idle.closes());
  BOOST_CHECK_THROW(client(w.port), std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()
