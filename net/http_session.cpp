// Reading side of a connection.
#include "net/http_session.hpp"

#include <string.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/error.hpp>
#include <utility>

#include "core/limits.hpp"
#include "net/reply_head.hpp"
#include "net/request_target.hpp"

namespace samovar::net {

namespace {

namespace limits = core::limits;

constexpr std::size_t small_buffer_bytes = 4 * 1024;
constexpr std::size_t body_buffer_bytes = 64 * 1024;
constexpr std::size_t upload_block_bytes = 256 * 1024;
/// Exchanges of one connection in a row before the others get their turn.
constexpr int exchanges_in_a_row_max = 32;
constexpr auto forever = steady::time_point::max();
/// To somebody who came with http:// to a port that speaks TLS.
std::string speak_tls(const std::string& request_id, std::string_view date) {
  const reply r = error_reply(
      core::make_error(core::error_code::malformed_request, "This port speaks TLS: use https://"),
      request_id);
  const auto& body = std::get<std::string>(r.body);
  head_facts f;
  f.request_id = request_id;
  f.date = date;
  f.keep_alive = false;
  f.content_length = body.size();
  std::string text;
  write_head(text, r, f);
  return text + body;
}

}  // namespace

connection_slot::connection_slot(engine& e, std::string address, std::string key)
    : engine_(e),
      address_(std::move(address)),
      key_(std::move(key)),
      from_proxy_(key_.empty()),
      in_handshake_(e.tls != nullptr) {
  engine_.stats.connections.fetch_add(1);
  engine_.stats.connections_total.fetch_add(1);
}

std::unique_ptr<connection_slot> connection_slot::enter(engine& e, std::string address) {
  // A proxy brings everybody's connections: the caps by address are not for it.
  std::string key = e.proxies.contains(address) ? std::string() : limit_key(address);
  if (!e.connections.enter(key)) return nullptr;
  if (e.tls && !e.handshakes.enter(key)) {
    e.connections.leave(key);
    return nullptr;
  }
  return std::unique_ptr<connection_slot>(
      new connection_slot(e, std::move(address), std::move(key)));
}

void connection_slot::handshake_done() {
  if (std::exchange(in_handshake_, false)) engine_.handshakes.leave(key_);
}

connection_slot::~connection_slot() {
  handshake_done();
  engine_.connections.leave(key_);
  engine_.stats.connections.fetch_sub(1);
}

http_session::http_session(io_thread& io, tcp_socket socket, std::unique_ptr<connection_slot> slot)
    : on_thread(io), socket_(std::move(socket)), slot_(std::move(slot)) {}

http_session::~http_session() = default;

void http_session::start() {
  socket_.set_options();
  if (io_.shared.tls)
    begin_handshake();
  else
    run();
}

void http_session::begin_handshake() {
  phase_ = phase::handshake;
  deadline_ = steady::now() + io_.shared.limits.handshake;
  if (!socket_.begin_tls(io_.shared.tls->new_session())) {
    close();
    return;
  }
  socket_.async_handshake(
      [self = shared_from_this()](const boost::system::error_code& ec) { self->on_handshake(ec); });
}

void http_session::on_handshake(const boost::system::error_code& ec) {
  if (phase_ != phase::handshake) return;
  slot_->handshake_done();
  if (ec) {
    io_.shared.stats.handshakes_failed.fetch_add(1, std::memory_order_relaxed);
    if (!socket_.peer_spoke_http()) {
      close();
      return;
    }
    socket_.answer_plain(speak_tls(io_.shared.new_request_id(), io_.date()));
    dirty_ = true;  // the rest of the request is still to come
    linger();
    return;
  }
  phase_ = phase::head;
  deadline_ = forever;
  run();
}

void http_session::run() {
  for (int i = 0; !reading_ && (phase_ == phase::head || phase_ == phase::body); ++i) {
    if (i == exchanges_in_a_row_max * 8) {
      boost::asio::post(io_.context, [self = shared_from_this()] { self->run(); });
      return;
    }
    if (phase_ == phase::head)
      read_head();
    else
      read_body();
  }
}

void http_session::read_some(std::chrono::seconds patience) {
  const std::size_t wanted = phase_ == phase::body ? body_buffer_bytes : small_buffer_bytes;
  if (begin_ > 0) {
    std::copy(in_.begin() + static_cast<std::ptrdiff_t>(begin_),
              in_.begin() + static_cast<std::ptrdiff_t>(end_), in_.begin());
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == 0 && in_.size() > wanted) {
    in_.resize(wanted);
    in_.shrink_to_fit();
  }
  if (in_.size() < wanted || in_.size() - end_ < wanted / 2) in_.resize(end_ + wanted);
  if (phase_ == phase::body) {
    const auto& config = io_.shared.ports.config;
    const auto grace = std::chrono::seconds(config.body_idle_s);
    deadline_ = pace_.begin_wait(steady::now(), patience, grace, config.body_rate_min);
  } else if (patience.count() > 0) {
    deadline_ = steady::now() + patience;
  }
  reading_ = true;
  socket_.async_read_some(boost::asio::buffer(in_.data() + end_, in_.size() - end_),
                          [self = shared_from_this()](const boost::system::error_code& ec,
                                                      std::size_t n) { self->on_read(ec, n); });
}

void http_session::on_read(const boost::system::error_code& ec, std::size_t n) {
  reading_ = false;
  if (phase_ == phase::closed) return;
  if (ec) {
    close();
    return;
  }
  end_ += n;
  if (phase_ == phase::body) {
    pace_.end_wait(steady::now());
    pace_.moved(n);
  }
  if (phase_ == phase::lingering)
    discard_input();
  else
    run();
}

void http_session::discard_input() {
  begin_ = end_ = 0;
  read_some(std::chrono::seconds(0));
}

void http_session::read_head() {
  const auto& config = io_.shared.ports.config;
  // RFC 9112 2.2: empty lines before a request line are ignored.
  while (!head_begun_ && buffered() > 0 && (*front() == '\r' || *front() == '\n')) ++begin_;
  if (buffered() == 0) {
    if (io_.shared.draining.load(std::memory_order_relaxed) && !first_) {
      close();
      return;
    }
    // Empty lines do not buy a connection more time.
    const auto patience = first_ ? config.header_read_s : config.keep_alive_s;
    read_some(std::chrono::seconds(deadline_ == forever ? patience : 0));
    return;
  }
  const std::size_t from = scanned_ > 3 ? scanned_ - 3 : 0;
  const void* found = memmem(front() + from, buffered() - from, "\r\n\r\n", 4);
  const std::size_t size =
      found ? static_cast<std::size_t>(static_cast<const char*>(found) - front()) + 4 : buffered();
  if (size > limits::header_bytes_max) {
    protocol_error(core::error_code::header_too_large, "The request header is too large");
    return;
  }
  if (!found) {
    const char c = *front();
    if ((c < 'A' || c > 'Z') && (c < 'a' || c > 'z')) {
      protocol_error(core::error_code::malformed_request, "This is not an HTTP request");
      return;
    }
    scanned_ = buffered();
    const auto patience = std::chrono::seconds(head_begun_ ? 0 : config.header_read_s);
    head_begun_ = true;
    read_some(patience);  // the time for the whole head runs from its first byte
    return;
  }
  scanned_ = 0;
  head_begun_ = false;
  if (parse_head(size)) begin_exchange();
}

bool http_session::parse_head(std::size_t size) {
  parser_.emplace();
  if (has_folded_line({front(), size})) {
    protocol_error(core::error_code::malformed_request,
                   "A header value must not go on in a second line");
    return false;
  }
  boost::system::error_code ec;
  const auto used = parser_->put(boost::asio::buffer(front(), size), ec);
  if (ec || !parser_->is_header_done() || used != size) {
    if (ec == boost::beast::http::error::header_limit)
      protocol_error(core::error_code::header_too_large, "The request header is too large");
    else
      protocol_error(core::error_code::malformed_request, "The HTTP request is malformed");
    return false;
  }
  begin_ += size;
  return true;
}

void http_session::read_body() {
  if (buffered() == 0) {
    read_some(std::chrono::seconds(io_.shared.ports.config.body_idle_s));
    return;
  }
  boost::system::error_code ec;
  const auto used = parser_->put(boost::asio::buffer(front(), buffered()), ec);
  begin_ += used;
  if (ec && ec != boost::beast::http::error::need_more) {
    protocol_error(core::error_code::malformed_request, "The request body is malformed");
    return;
  }
  if (parser_->body_bytes > body_max_) {
    protocol_error(core::error_code::payload_too_large, "The request body is too large");
    return;
  }
  if (parser_->is_done()) {
    body_complete();
    return;
  }
  if (block_.size() >= upload_block_bytes) {
    send_block(false);
    return;
  }
  if (!ec && used > 0) return;
  if (buffered() > limits::header_bytes_max + body_buffer_bytes) {
    protocol_error(core::error_code::malformed_request, "A chunk of the body is malformed");
    return;
  }
  read_some(std::chrono::seconds(io_.shared.ports.config.body_idle_s));
}

void http_session::body_complete() {
  if (answer_after_body_) {
    reply r = std::move(*answer_after_body_);
    answer_after_body_.reset();
    send(std::move(r));
  } else if (upload_) {
    send_block(true);
  } else {
    call_handler();
  }
}

void http_session::send_block(bool last) {
  phase_ = phase::deciding;
  deadline_ = forever;
  auto block = std::make_shared<std::string>(std::move(block_));
  block_.clear();
  const auto task = [k = keep(), up = upload_, block, last]() mutable {
    core::outcome<std::optional<uploaded_file>> result{std::optional<uploaded_file>{}};
    try {
      if (const auto fed = up->feed(*block); !fed.ok()) {
        result = fed.failure();
      } else if (last) {
        auto file = up->take();
        if (file.ok())
          result = std::optional<uploaded_file>(std::move(file).value());
        else
          result = file.failure();
      }
    } catch (const std::exception&) {  // no spool file: the store is away or full
      result =
          core::make_error(core::error_code::storage_full, "The server could not store the upload");
    }
    auto shared = std::make_shared<decltype(result)>(std::move(result));
    auto io = std::move(k.io);
    boost::asio::post(io->context, [s = std::move(k.session), shared] {
      s->on_block(std::move(*shared));
      s->run();
    });
  };
  // The first block of an upload is new work and may be refused.
  const bool accepted = last || parser_->body_bytes > 2 * upload_block_bytes
                            ? io_.shared.pool.submit_continuation(task)
                            : io_.shared.pool.submit(task);
  if (!accepted)
    refuse(core::make_error(core::error_code::unavailable,
                            "The server is busy; please try again shortly"));
}

void http_session::on_block(core::outcome<std::optional<uploaded_file>> result) {
  if (phase_ == phase::closed) return;
  if (!result.ok()) {
    upload_.reset();
    phase_ = phase::body;
    refuse(result.failure());
    return;
  }
  if (!*result) {
    phase_ = phase::body;
    return;
  }
  upload_.reset();
  request_->file = std::move(**result);
  call_handler();
}

void http_session::tick(steady::time_point now) {
  if (now < deadline_ || phase_ == phase::closed) return;
  if ((phase_ == phase::head && head_begun_) || phase_ == phase::body)
    protocol_error(core::error_code::request_timeout, "The request took too long to arrive");
  else
    close();
}

void http_session::drain() {
  if (phase_ == phase::handshake || (phase_ == phase::head && buffered() == 0)) close();
}

void http_session::abort() { close(); }

}  // namespace samovar::net
