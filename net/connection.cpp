#include "net/connection.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>

namespace samovar::net {

void connection::set_options() {
  error_code ec;  // a connection that is gone already says so at its first read
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), ec);
  socket_.non_blocking(true, ec);
}

void connection::bound_send_buffer(int bytes) {
  error_code ec;
  socket_.set_option(tcp_socket::send_buffer_size(bytes), ec);
}

bool connection::begin_tls(ssl_ptr session) {
  if (!session || SSL_set_fd(session.get(), socket_.native_handle()) != 1) return false;
  ssl_ = std::move(session);
  return true;
}

void connection::answer_plain(std::string_view text) {
  ssl_.reset();
  error_code ec;  // best effort
  socket_.write_some(boost::asio::buffer(text.data(), text.size()), ec);
}

char* connection::record_of_thread() {
  static thread_local std::array<char, record_bytes_max> record;
  return record.data();
}

/// Reads the error queue, which OpenSSL keeps by thread: it is cleared before every call.
connection::error_code connection::judge(int result, wait_type& wait) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: wait = tcp_socket::wait_read; return boost::asio::error::would_block;
    case SSL_ERROR_WANT_WRITE:
      wait = tcp_socket::wait_write;
      return boost::asio::error::would_block;
    case SSL_ERROR_ZERO_RETURN: return boost::asio::error::eof;
    case SSL_ERROR_SYSCALL: ready_ = false; return boost::asio::error::connection_reset;
    default: break;
  }
  ready_ = false;
  const auto reason = ERR_GET_REASON(ERR_peek_error());
  peer_spoke_http_ = reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST;
  return boost::asio::error::connection_aborted;
}

connection::error_code connection::handshake(wait_type& wait) {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  ready_ = result == 1;
  return ready_ ? error_code() : judge(result, wait);
}

std::size_t connection::read(boost::asio::mutable_buffer to, error_code& ec) {
  ERR_clear_error();
  std::size_t n = 0;
  const int result = SSL_read_ex(ssl_.get(), to.data(), to.size(), &n);
  ec = result == 1 ? error_code() : judge(result, read_wait_);
  return result == 1 ? n : 0;
}

std::size_t connection::write(boost::asio::const_buffer from, error_code& ec) {
  ERR_clear_error();
  std::size_t n = 0;
  const int result = SSL_write_ex(ssl_.get(), from.data(), from.size(), &n);
  ec = result == 1 ? error_code() : judge(result, write_wait_);
  return result == 1 ? n : 0;
}

/// Tries once: a peer that doesn't take it learns from the end of the connection.
void connection::say_goodbye() {
  if (!ssl_ || !std::exchange(ready_, false)) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
}

void connection::shutdown_send() {
  say_goodbye();
  error_code ec;
  socket_.shutdown(tcp_socket::shutdown_send, ec);
}

void connection::close() {
  say_goodbye();
  error_code ec;
  socket_.close(ec);
}

}  // namespace samovar::net
