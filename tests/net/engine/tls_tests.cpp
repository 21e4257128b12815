#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>

#include "fakes.hpp"
#include "tls_client.hpp"

using namespace samovar;
using namespace samovar::tests;
using net::access;
using net::body_kind;
using net::where;

namespace {

const std::string key = "Authorization: Bearer ann-key\r\n";

net::settings with(const certificate_files& f) {
  net::settings s;
  s.tls_certificate = f.chain();
  s.tls_key = f.key();
  return s;
}

/// Files first: the world reads them.
struct tls_world {
  explicit tls_world(net::engine_limits l = {}) {
    std::signal(SIGPIPE, SIG_IGN);  // as the program does
    files.make("first");
    inside.emplace(l, with(files));
    auto& w = *inside;
    w.add(make_route("GET", "/api/v1/large", access::signed_in, body_kind::none, where::pool,
                     [](const net::request&) {
                       net::reply r;
                       r.body = std::string(8'000'000, 'x') + "end";
                       return r;
                     }));
    w.add(make_route("POST", "/api/v1/echo", access::signed_in, body_kind::json, where::pool,
                     [](const net::request& q) {
                       net::reply r;
                       r.body = std::string(q.secure ? "secure " : "plain ") + q.body;
                       return r;
                     }));
    w.start();
  }
  certificate_files files;
  std::optional<world> inside;
  std::uint16_t port() const { return inside->port; }
};

std::string post(const std::string& body, const std::string& headers) {
  return "POST /api/v1/echo HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + headers + "\r\n" + body;
}

std::string why(const net::settings& s) {
  try {
    world w({}, s);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(engine_tls)

BOOST_AUTO_TEST_CASE(http_over_tls) {
  tls_world w;
  tls_client c(w.port());
  BOOST_TEST(c.version() == "TLSv1.3");
  BOOST_TEST(c.alpn() == "http/1.1");
  BOOST_TEST(c.common_name() == "first");
  for (int i = 0; i < 50; ++i) BOOST_REQUIRE(c.ask(get("/health")).starts_with("HTTP/1.1 200"));
  const auto echo = c.ask(post("hello", key));
  BOOST_TEST(echo.find("Strict-Transport-Security: max-age=31536000\r\n") != std::string::npos);
  BOOST_TEST(echo.ends_with("secure hello"));
  const auto refused = c.ask(get("/api/v1/large"));
  BOOST_TEST(refused.starts_with("HTTP/1.1 401"));
  BOOST_TEST(refused.find("Strict-Transport-Security") != std::string::npos);
  // More than the socket takes at once, both ways; the reader is slow to begin.
  c.send(get("/api/v1/large", key) + get("/api/v1/large", key));
  for (int i = 0; i < 2; ++i) {
    BOOST_TEST(c.read_until("\r\n\r\n").starts_with("HTTP/1.1 200"));
    const auto body = c.read_bytes(8'000'003);
    BOOST_REQUIRE_EQUAL(body.size(), 8'000'003u);
    BOOST_TEST(body.ends_with("xend"));
  }
  const std::string large(3'000'000, 'y');
  BOOST_TEST(c.ask(post(large, key)).ends_with("secure " + large));
  BOOST_TEST(c.ask("GET /health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
                 .starts_with("HTTP/1.1 200"));
  BOOST_TEST(c.ends_cleanly());
}

BOOST_AUTO_TEST_CASE(old_versions_and_plain_http_are_refused) {
  tls_world w;
  BOOST_CHECK_THROW(tls_client(w.port(), TLS1_1_VERSION), std::runtime_error);
  BOOST_TEST(tls_client(w.port(), TLS1_2_VERSION).version() == "TLSv1.2");
  client plain(w.port());
  const auto a = plain.ask(get("/health"));
  BOOST_TEST(a.status == 400);
  // An answer like any other, for what it is.
  BOOST_TEST(a.body.find("This port speaks TLS: use https://") != std::string::npos);
  BOOST_TEST(a.body.find(a.header("X-Request-Id")) != std::string::npos);
  BOOST_TEST(a.header("X-Content-Type-Options") == "nosniff");
  BOOST_TEST(a.header("Content-Security-Policy").find("frame-ancestors") != std::string::npos);
  BOOST_TEST(plain.closes());
  client noise(w.port());
  noise.send(std::string("\x16\x03\x01\x00\x05\xff\xff\xff\xff\xff", 10));
  BOOST_TEST(noise.closes());
  const auto m = tls_client(w.port()).ask(get("/metrics"));
  BOOST_TEST(m.find("samovar_tls_handshakes_failed_total 3\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(pages_without_tls_change_nothing) {
  tls_world w;
  tls_client c(w.port());
  const std::string cookie =
      "Cookie: samovar_session=ann-session\r\nX-CSRF-Token: csrf-of-ann\r\nOrigin: ";
  BOOST_TEST(c.ask(post("x", cookie + "https://h\r\n")).starts_with("HTTP/1.1 200"));
  BOOST_TEST(c.ask(post("x", cookie + "http://h\r\n")).starts_with("HTTP/1.1 403"));
}

BOOST_AUTO_TEST_CASE(websockets_over_tls) {
  tls_world w;
  tls_client c(w.port());
  const auto a = c.ask(
      "GET /api/v1/ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
      key + "\r\n");
  BOOST_REQUIRE(a.starts_with("HTTP/1.1 101"));
  BOOST_TEST(a.find("Strict-Transport-Security") != std::string::npos);
  BOOST_REQUIRE(wait_until([&] { return sinks_of(w.inside->ann.id).size() == 1; }));
  const auto sink = sinks_of(w.inside->ann.id).front();
  for (std::int64_t i = 1; i <= 3; ++i)
    sink->deliver(make_event(core::event_type::job_queued, i, static_cast<std::uint8_t>(i)));
  for (int i = 1; i <= 3; ++i)
    BOOST_TEST(c.read_until("\"seq\":" + std::to_string(i)).find("job.queued") !=
               std::string::npos);
  c.read_until("}}");
  c.send(std::string("\x89\x80\0\0\0\0", 6));  // ping
  BOOST_TEST(c.read_bytes(2) == std::string("\x8a\0", 2));
  sink->closed();
  BOOST_TEST(static_cast<unsigned char>(c.read_bytes(1).at(0)) == 0x88);
  c.send(std::string("\x88\x82\0\0\0\0\x03\xe8", 8));
  BOOST_TEST(c.ends_cleanly());
}

BOOST_AUTO_TEST_CASE(a_new_certificate_serves_new_connections) {
  tls_world w;
  auto& server = *w.inside->server;
  tls_client old(w.port());
  w.files.make("second");
  BOOST_TEST(tls_client(w.port()).common_name() == "first");  // nobody has looked yet
  server.renew_certificate(false);
  BOOST_TEST(tls_client(w.port()).common_name() == "second");
  BOOST_TEST(old.ask(get("/health")).starts_with("HTTP/1.1 200"));
  BOOST_TEST(old.common_name() == "first");

  w.files.make_mismatch("third");
  server.renew_certificate(false);
  server.renew_certificate(true);
  BOOST_TEST(tls_client(w.port()).common_name() == "second");
  std::ofstream(w.files.chain()) << "nothing";
  server.renew_certificate(false);
  std::filesystem::remove(w.files.key());
  server.renew_certificate(true);
  BOOST_TEST(tls_client(w.port()).common_name() == "second");
  w.files.make("fourth");
  server.renew_certificate(false);
  BOOST_TEST(tls_client(w.port()).common_name() == "fourth");
  BOOST_TEST(old.ask(get("/health")).starts_with("HTTP/1.1 200"));
}

BOOST_AUTO_TEST_CASE(handshakes_have_a_deadline_and_a_cap) {
  net::engine_limits l;
  l.tick = std::chrono::milliseconds(20);
  l.handshake = std::chrono::milliseconds(300);
  l.handshakes_per_address = 2;
  tls_world w(l);
  {
    tls_client done(w.port());  // a finished one doesn't count
    BOOST_TEST(done.ask(get("/health")).starts_with("HTTP/1.1 200"));
    client a(w.port()), b(w.port());
    a.send("\x16");
    BOOST_TEST(client(w.port()).closes());
    BOOST_TEST(a.closes());
    BOOST_TEST(b.closes());
    BOOST_TEST(done.ask(get("/health")).starts_with("HTTP/1.1 200"));
  }
  BOOST_TEST(tls_client(w.port()).ask(get("/health")).starts_with("HTTP/1.1 200"));
}

BOOST_AUTO_TEST_CASE(a_bad_pair_is_named_at_start) {
  certificate_files f;
  f.make("x");
  auto s = with(f);
  BOOST_TEST(why(s) == "no error");
  s.tls_key.clear();
  BOOST_TEST(why(s) == "http.tls_key is needed with http.tls_certificate");
  s = with(f);
  s.tls_certificate = "/nowhere/chain.pem";
  BOOST_TEST(why(s) == "http.tls_certificate: /nowhere/chain.pem: No such file or directory");
  s = with(f);
  s.tls_key = f.chain();
  BOOST_TEST(why(s).starts_with("http.tls_key: " + f.chain().string() + ": is no usable PEM key"));
  s = with(f);
  s.tls_certificate = f.key();
  BOOST_TEST(why(s).starts_with("http.tls_certificate: " + f.key().string() +
                                ": is no usable PEM certificate"));
  f.make_mismatch("x");
  BOOST_TEST(why(with(f)) == "http.tls_key: " + f.key().string() +
                                 ": does not belong to the certificate " + f.chain().string());
}

BOOST_AUTO_TEST_SUITE_END()
