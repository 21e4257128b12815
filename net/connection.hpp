// A TCP connection, plain or with TLS, as sessions use it. Plain ones go straight to the socket.
//
// Asio's ssl::stream can't write without blocking on a non-blocking socket and holds 34 KB a
// connection; so OpenSSL works on the socket itself here, and Asio says when to try again. One
// thread; at most one read and one write at a time. The process ignores SIGPIPE.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/websocket/teardown.hpp>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#include "net/io_thread.hpp"
#include "net/tls_certificate.hpp"

namespace samovar::net {

class connection {
 public:
  using executor_type = io_executor;
  using error_code = boost::system::error_code;
  using wait_type = tcp_socket::wait_type;

  explicit connection(tcp_socket socket) : socket_(std::move(socket)) {}
  connection(connection&&) = default;  ///< only while nothing is under way
  ~connection() = default;

  executor_type get_executor() { return socket_.get_executor(); }
  bool is_tls() const noexcept { return ssl_ != nullptr; }
  /// No delay, no blocking.
  void set_options();
  /// How much the kernel keeps of what the peer does not read; it is not tuned by itself any more.
  void bound_send_buffer(int bytes);
  /// From now on TLS; the handshake is the first thing to do. False when that can't be set up.
  bool begin_tls(ssl_ptr session);
  /// The last handshake failed because the peer spoke plain HTTP.
  bool peer_spoke_http() const noexcept { return peer_spoke_http_; }
  /// Gives TLS up and says a few words to a peer that doesn't speak it.
  void answer_plain(std::string_view text);

  /// `handler(error_code)`, possibly before this returns.
  template <class Handler>
  void async_handshake(Handler handler) {
    wait_type wait{};
    const error_code ec = handshake(wait);
    if (ec != boost::asio::error::would_block) {
      handler(ec);
      return;
    }
    socket_.async_wait(wait, [this, h = std::move(handler)](const error_code& e) mutable {
      if (e)
        h(e);
      else
        async_handshake(std::move(h));
    });
  }

  /// As Asio's AsyncReadStream: never calls the handler before it returns.
  template <class Buffers, class Handler>
  void async_read_some(const Buffers& buffers, Handler&& handler) {
    if (!ssl_)
      socket_.async_read_some(buffers, std::forward<Handler>(handler));
    else
      read_on(first<boost::asio::mutable_buffer>(buffers), std::forward<Handler>(handler), true);
  }

  template <class Buffers, class Handler>
  void async_write_some(const Buffers& buffers, Handler&& handler) {
    if (!ssl_)
      socket_.async_write_some(buffers, std::forward<Handler>(handler));
    else
      write_on(buffers, std::forward<Handler>(handler), true);
  }

  /// What goes at once; would_block when nothing does: then wait with async_wait_write and call
  /// again with the same bytes.
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, error_code& ec) {
    if (!ssl_) return socket_.write_some(buffers, ec);
    return write(gather(buffers), ec);
  }
  template <class Handler>
  void async_wait_write(Handler&& handler) {
    socket_.async_wait(write_wait_, std::forward<Handler>(handler));
  }

  /// No more will be written; TLS says so to the peer first.
  void shutdown_send();
  void close();

 private:
  friend void beast_close_socket(connection& c) { c.close(); }
  template <class Handler>
  friend void async_teardown(boost::beast::role_type role, connection& c, Handler&& handler) {
    c.say_goodbye();
    boost::beast::websocket::async_teardown(role, c.socket_, std::forward<Handler>(handler));
  }
  friend void teardown(boost::beast::role_type role, connection& c, error_code& ec) {
    c.say_goodbye();
    boost::beast::websocket::teardown(role, c.socket_, ec);
  }

  /// The first buffer that has room or bytes.
  template <class Buffer, class Buffers>
  static Buffer first(const Buffers& buffers) {
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != boost::asio::buffer_sequence_end(buffers); ++it)
      if (Buffer b(*it); b.size() > 0) return b;
    return {};
  }

  /// One TLS record's worth: small buffers are put together, so that a head and its body travel in
  /// one. Valid until the next call on this thread; the same bytes give the same.
  template <class Buffers>
  static boost::asio::const_buffer gather(const Buffers& buffers) {
    const auto one = first<boost::asio::const_buffer>(buffers);
    if (one.size() >= record_bytes_max || one.size() == boost::asio::buffer_size(buffers))
      return one;
    char* record = record_of_thread();
    const auto n = boost::asio::buffer_copy(boost::asio::buffer(record, record_bytes_max), buffers);
    return {record, n};
  }

  template <class Handler>
  void read_on(boost::asio::mutable_buffer to, Handler&& handler, bool initiating) {
    error_code ec;
    const std::size_t n = to.size() > 0 ? read(to, ec) : 0;
    if (ec == boost::asio::error::would_block) {
      socket_.async_wait(
          read_wait_, [this, to, h = std::forward<Handler>(handler)](const error_code& e) mutable {
            if (e)
              h(e, std::size_t{0});
            else
              read_on(to, std::move(h), false);
          });
    } else {
      complete(std::forward<Handler>(handler), ec, n, initiating);
    }
  }

  template <class Buffers, class Handler>
  void write_on(const Buffers& buffers, Handler&& handler, bool initiating) {
    error_code ec;
    const auto bytes = gather(buffers);
    const std::size_t n = bytes.size() > 0 ? write(bytes, ec) : 0;
    if (ec == boost::asio::error::would_block) {
      socket_.async_wait(write_wait_, [this, buffers, h = std::forward<Handler>(handler)](
                                          const error_code& e) mutable {
        if (e)
          h(e, std::size_t{0});
        else
          write_on(buffers, std::move(h), false);
      });
    } else {
      complete(std::forward<Handler>(handler), ec, n, initiating);
    }
  }

  template <class Handler>
  void complete(Handler&& handler, const error_code& ec, std::size_t n, bool initiating) {
    if (!initiating) {
      handler(ec, n);
      return;
    }
    boost::asio::post(get_executor(),
                      [h = std::forward<Handler>(handler), ec, n]() mutable { h(ec, n); });
  }

  static constexpr std::size_t record_bytes_max = 16 * 1024;
  static char* record_of_thread();
  error_code handshake(wait_type& wait);
  std::size_t read(boost::asio::mutable_buffer to, error_code& ec);
  std::size_t write(boost::asio::const_buffer from, error_code& ec);
  error_code judge(int result, wait_type& wait);
  void say_goodbye();

  tcp_socket socket_;
  ssl_ptr ssl_;
  wait_type read_wait_ = tcp_socket::wait_read;
  wait_type write_wait_ = tcp_socket::wait_write;
  bool ready_ = false;  ///< the handshake is done and nothing has failed since
  bool peer_spoke_http_ = false;
};

}  // namespace samovar::net
