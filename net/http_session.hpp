// One HTTP/1.x connection: reads a request within the limits, decides who asks and whether they
// may, runs the handler, writes the answer, and begins again. One exchange at a time, so pipelined
// answers keep their order.
//
//   handshake (TLS)
//     │
//   head ──> deciding ──> body ──> handling ──> writing ──> head (keep-alive)
//              (look-up)   (upload blocks)          └─────> lingering ──> closed
//
// Everything here runs on the connection's I/O thread; other threads come back with a post.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/authentication.hpp"
#include "net/connection.hpp"
#include "net/engine.hpp"
#include "net/exchange.hpp"
#include "net/http_parser.hpp"
#include "net/io_thread.hpp"
#include "net/pace.hpp"
#include "net/upload.hpp"

namespace samovar::net {

/// A place among the connections allowed; given back when destroyed.
class connection_slot {
 public:
  /// nullptr when there is no place for one more: in all, of this address, or in the handshake.
  static std::unique_ptr<connection_slot> enter(engine& e, std::string address);
  ~connection_slot();
  connection_slot(const connection_slot&) = delete;
  connection_slot& operator=(const connection_slot&) = delete;
  const std::string& address() const noexcept { return address_; }
  /// The peer is a proxy whose X-Forwarded-* headers are believed.
  bool from_proxy() const noexcept { return from_proxy_; }
  void handshake_done();

 private:
  connection_slot(engine& e, std::string address, std::string key);
  engine& engine_;
  std::string address_;
  std::string key_;  ///< what the caps count by; empty: only the total counts
  bool from_proxy_;
  bool in_handshake_;
};

class http_session final : public on_thread, public std::enable_shared_from_this<http_session> {
 public:
  http_session(io_thread& io, tcp_socket socket, std::unique_ptr<connection_slot> slot);
  ~http_session() override;
  void start();

  void tick(steady::time_point now) override;
  void drain() override;
  void abort() override;

 private:
  friend class pending_reply;
  enum class phase { handshake, head, deciding, body, handling, writing, lingering, closed };
  enum class then { next_exchange, pull_stream, close };
  /// What a thread elsewhere holds while this connection waits for it.
  struct keeper {
    std::shared_ptr<io_thread> io;
    std::shared_ptr<http_session> session;
  };
  keeper keep() { return {io_.shared_from_this(), shared_from_this()}; }

  // Reading (http_session.cpp)
  void run();
  void begin_handshake();
  void on_handshake(const boost::system::error_code& ec);
  void read_some(std::chrono::seconds patience);
  void on_read(const boost::system::error_code& ec, std::size_t n);
  void read_head();
  bool parse_head(std::size_t size);
  void read_body();
  void body_complete();
  void send_block(bool last);
  void on_block(core::outcome<std::optional<uploaded_file>> result);
  void discard_input();

  // Deciding (http_decide.cpp)
  void begin_exchange();
  void read_target(std::string_view text);
  bool read_headers();
  void take_header(const http_parser::header& h);
  void take_other_header(const http_parser::header& h);
  void believe_proxy();
  bool answer_preflight();
  void authenticate();
  void on_verified(core::outcome<authentication::entry_ptr> result);
  void admitted(const authentication::entry_ptr& entry);
  void on_rotated(std::optional<std::string> token);
  void refuse_unknown(credential_kind offered);
  bool refuse_busy_key();
  void authorized();
  void expect_body();
  void call_handler();
  void upgrade();
  void refuse(core::error e, std::vector<std::pair<std::string, std::string>> headers = {});
  void protocol_error(core::error_code code, const char* detail);

  // Writing (http_write.cpp)
  void on_reply(reply r);
  void send(reply r);
  int wait_asked_for() const;
  void prepare_body(reply& r, bool send_body);
  void flush();
  void on_flushed();
  void pull();
  void on_piece(std::string piece, bool more, bool failed);
  void finish_exchange();
  void linger();
  void close();

  std::size_t buffered() const noexcept { return end_ - begin_; }
  const char* front() const noexcept { return in_.data() + begin_; }

  connection socket_;
  std::unique_ptr<connection_slot> slot_;
  phase phase_ = phase::head;
  bool reading_ = false;
  bool in_call_ = false;  ///< inside an inline_ handler: an answer is taken without a post
  bool first_ = true;
  steady::time_point deadline_ = steady::time_point::max();
  pace pace_;  ///< of the body under way, in or out

  std::vector<char> in_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t scanned_ = 0;  ///< bytes of the head already searched for its end
  bool head_begun_ = false;

  std::optional<http_parser> parser_;
  std::shared_ptr<request> request_;
  router::match match_;
  const route* route_ = nullptr;
  steady::time_point began_{};
  bool http11_ = true;
  bool target_ok_ = true;  ///< path and query are well written
  bool keep_alive_ = true;
  bool is_head_ = false;
  bool api_ = false;
  bool expects_continue_ = false;
  bool preflight_ = false;       ///< a browser asks whether a page of another origin may
  std::string cors_origin_;      ///< that of an allowed page which asks
  bool transfer_coded_ = false;  ///< there is a Transfer-Encoding
  bool wants_upgrade_ = false;
  bool dirty_ = false;  ///< unread input is left: linger before closing
  std::string request_id_;

  // Headers the engine itself needs; views into in_, valid until the body is read.
  std::string_view authorization_, x_api_key_, cookie_, host_, origin_, referer_, csrf_,
      content_type_, upgrade_, ws_key_, ws_version_, ws_protocol_;
  int hosts_ = 0;
  // Only from a trusted proxy.
  std::string forwarded_for_;
  std::string_view forwarded_proto_, forwarded_host_;

  // The credential verified last on this connection, so that it is not hashed again.
  std::string known_secret_;
  authentication::entry_ptr known_entry_;
  credential_kind known_kind_ = credential_kind::none;
  std::string fresh_cookie_;  ///< Set-Cookie of a session whose token was replaced just now

  std::uint64_t body_max_ = 0;
  std::optional<reply> answer_after_body_;
  std::string block_;  ///< the upload's next block
  std::shared_ptr<upload> upload_;

  std::optional<reply> sync_reply_;
  std::string out_;
  std::string out_text_;
  std::shared_ptr<const std::string> out_shared_;
  std::string_view out_body_;
  std::size_t out_sent_ = 0;  ///< of out_ and out_body_ together
  then then_ = then::next_exchange;
  std::shared_ptr<body_source> stream_;
  bool stream_chunked_ = false;
  bool stream_more_ = false;
  std::optional<std::uint64_t> stream_left_;
};

}  // namespace samovar::net
