// What a client may send through an open WebSocket. The server reads and forgets it, as its session
// does: text, pings, closes, and whatever is none of these.
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/beast/_experimental/test/stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "core/limits.hpp"
#include "tests/fuzz/target.hpp"

namespace samovar::fuzz {

const char* const target_name = "websocket";

namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using stream_type = websocket::stream<beast::test::stream, false>;

http::request<http::empty_body> handshake() {
  http::request<http::empty_body> q{http::verb::get, "/", 11};
  q.set(http::field::host, "samovar");
  q.set(http::field::upgrade, "websocket");
  q.set(http::field::connection, "upgrade");
  q.set(http::field::sec_websocket_key, "dGhlIHNhbXBsZSBub25jZQ==");
  q.set(http::field::sec_websocket_version, "13");
  return q;
}

struct reader {
  stream_type& stream;
  std::array<char, 256> ignored{};
  std::size_t bytes = 0;
  std::size_t reads = 0;
  bool ended = false;

  void read() {
    stream.async_read_some(boost::asio::buffer(ignored),
                           [this](const beast::error_code& ec, std::size_t n) {
                             bytes += n;
                             ended = static_cast<bool>(ec);
                             if (!ec && ++reads < 100'000) read();
                           });
  }
};

}  // namespace

void run_target(std::string_view bytes) {
  boost::asio::io_context context;
  beast::test::stream client(context);
  stream_type server(context);
  server.next_layer().connect(client);
  server.set_option(websocket::stream_base::timeout{websocket::stream_base::none(),
                                                    websocket::stream_base::none(), false});
  server.read_message_max(core::limits::websocket_message_bytes_max);
  const auto q = handshake();
  beast::error_code accepted;
  server.async_accept(q, [&](const beast::error_code& ec) { accepted = ec; });
  context.run();
  context.restart();
  require(!accepted, "a good handshake is accepted");
  int controls = 0;
  server.control_callback([&](websocket::frame_type, beast::string_view) { ++controls; });
  reader r{server};
  r.read();
  server.next_layer().append({bytes.data(), bytes.size()});
  client.close();
  context.run();
  require(r.ended, "reading ends with the connection");
  require(r.bytes <= bytes.size(), "no more comes out than went in");
}

}  // namespace samovar::fuzz
