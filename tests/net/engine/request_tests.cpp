// What a request's head decides before any handler: who asks comes first, then how it is written.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <thread>

#include "fakes.hpp"

using namespace samovar;
using namespace samovar::tests;

namespace {

const std::string key = "Authorization: Bearer ann-key\r\n";

struct request_world : world {
  request_world() {
    const auto echo = [](const net::request& q) {
      net::reply r;
      r.body = "[" + q.body + "]";
      return r;
    };
    using net::access, net::body_kind, net::where;
    add(make_route("POST", "/api/v1/echo", access::signed_in, body_kind::json, where::pool, echo));
    add(make_route("POST", "/api/v1/act", access::signed_in, body_kind::none, where::pool, echo));
    add(make_route("POST", "/api/v1/file", access::signed_in, body_kind::file, where::pool, echo));
    auto choice =
        make_route("POST", "/api/v1/choice", access::signed_in, body_kind::json, where::pool, echo);
    choice.body_optional = true;
    add(choice);
    start();
  }
  answer post(const std::string& path, const std::string& headers, const std::string& version) {
    return client(port).ask("POST " + path + " HTTP/" + version + "\r\nHost: h\r\n" + headers +
                            "\r\n");
  }
};

/// A WebSocket handshake but for its first line.
const std::string handshake =
    "Host: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
    key + "\r\n";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(engine_requests, request_world)

BOOST_AUTO_TEST_CASE(who_asks_is_decided_before_how_the_target_is_written) {
  for (const char* path : {"/api/v1/echo?q=%zz", "/api/v1/echo/%ff", "/api/v1/%zz"}) {
    client c(port);
    BOOST_TEST(c.ask(get(path)).status == 401);
    BOOST_TEST(c.ask(get(path, key)).status == 400);
    BOOST_TEST(c.ask(get("/health")).status == 200);
  }
  BOOST_TEST(client(port).ask(get("/x?q=%zz")).status == 400);
  BOOST_TEST(client(port).ask(get("/api/v1/health?q=%zz")).status == 400);
}

BOOST_AUTO_TEST_CASE(a_body_that_must_be_there_has_a_length) {
  for (const char* version : {"1.1", "1.0"}) {
    for (const char* path : {"/api/v1/echo", "/api/v1/file"}) {
      const auto a = post(path, key, version);
      BOOST_TEST(a.status == 411);
      BOOST_TEST(a.body.find("length_required") != std::string::npos);
      BOOST_TEST(post(path, "", version).status == 401);
    }
    BOOST_TEST(post("/api/v1/act", key, version).status == 200);
    BOOST_TEST(post("/api/v1/choice", key, version).status == 200);
    BOOST_TEST(post("/api/v1/echo", key + "Content-Length: 0\r\n", version).status == 200);
  }
  const auto chunked = client(port).ask("POST /api/v1/echo HTTP/1.1\r\nHost: h\r\n" + key +
                                        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  BOOST_TEST(chunked.status == 200);
}

// RFC 9112, 6.3: else what a proxy took for the body would be answered as the next request.
BOOST_AUTO_TEST_CASE(only_chunks_are_understood) {
  for (const char* coding : {"xchunked", "gzip", "chunked, gzip", "chunked, chunked", "identity"}) {
    client c(port);
    c.send("GET /health HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: " + std::string(coding) +
           "\r\n\r\n" + get("/api/v1/health"));
    BOOST_TEST_INFO(coding);
    BOOST_CHECK_EQUAL(c.read().status, 400);
    BOOST_CHECK_EQUAL(c.read().status, 0);
  }
  client old(port);
  old.send("POST /api/v1/echo HTTP/1.0\r\nConnection: keep-alive\r\n" + key +
           "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  BOOST_TEST(old.read().status == 400);
  BOOST_TEST(old.closes());
}

// RFC 9110, 10.1.1: an old client would take it for the answer.
BOOST_AUTO_TEST_CASE(old_clients_are_not_told_to_continue) {
  client c(port);
  c.send("POST /api/v1/echo HTTP/1.0\r\n" + key +
         "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the head comes alone
  c.send("abc");
  const auto a = c.read();
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.body == "[abc]");
}

// RFC 6455, 4.1: a handshake is a GET of HTTP/1.1.
BOOST_AUTO_TEST_CASE(a_handshake_is_a_get_of_http_1_1) {
  client head(port);
  head.send("HEAD /api/v1/ws HTTP/1.1\r\n" + handshake);
  BOOST_TEST(head.read(true).status == 400);
  BOOST_TEST(client(port).ask("GET /api/v1/ws HTTP/1.0\r\n" + handshake).status == 400);
  BOOST_TEST(client(port).ask("GET /api/v1/ws HTTP/1.1\r\n" + handshake).status == 101);
}

BOOST_AUTO_TEST_SUITE_END()
