#include "net/websocket_session.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/flat_static_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <charconv>
#include <utility>

#include "core/limits.hpp"
#include "net/reply_head.hpp"
#include "net/socket_sink.hpp"
#include "net/text.hpp"

namespace samovar::net {

namespace {

namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
namespace limits = core::limits;
using boost::system::error_code;

constexpr auto forever = steady::time_point::max();
constexpr auto close_patience = std::chrono::seconds(3);
constexpr auto handshake_patience = std::chrono::seconds(10);
constexpr auto recheck_every = std::chrono::seconds(60);
constexpr auto a_year = std::chrono::hours(24 * 365);
/// The kernel would let a reader that stalls have megabytes, beside the outbox.
constexpr int send_buffer_bytes = 32 * 1024;

/// Compiled without permessage-deflate: it costs 136 KB a socket.
using stream_type = websocket::stream<connection, false>;

class websocket_session final : public on_thread,
                                public std::enable_shared_from_this<websocket_session> {
 public:
  websocket_session(io_thread& io, connection socket, std::unique_ptr<connection_slot> slot,
                    core::acting_user actor, authentication::entry_ptr credential,
                    std::optional<std::int64_t> since)
      : on_thread(io),
        stream_(std::move(socket)),
        slot_(std::move(slot)),
        actor_(std::move(actor)),
        credential_(std::move(credential)),
        since_(since),
        rechecked_(io.shared.recheck.load()) {
    stream_.next_layer().bound_send_buffer(send_buffer_bytes);
  }

  void attach(std::shared_ptr<socket_sink> sink, socket_registry::ticket ticket) {
    sink_ = std::move(sink);
    ticket_ = std::move(ticket);
  }

  void accept(const websocket_request& w) {
    stream_.set_option(websocket::stream_base::timeout{websocket::stream_base::none(),
                                                       websocket::stream_base::none(), false});
    stream_.read_message_max(limits::websocket_message_bytes_max);
    stream_.auto_fragment(false);
    const bool named = offers_protocol(w.protocol);
    stream_.set_option(websocket::stream_base::decorator(
        [id = w.request_id, named, hsts_s = w.hsts_s](websocket::response_type& r) {
          r.set("X-Request-Id", id);
          r.set("X-Content-Type-Options", "nosniff");
          r.set("Referrer-Policy", "same-origin");
          r.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
          if (hsts_s > 0) r.set("Strict-Transport-Security", "max-age=" + std::to_string(hsts_s));
          if (named) r.set(http::field::sec_websocket_protocol, "samovar.v1");
        }));
    http::request<http::empty_body> q{http::verb::get, "/", 11};
    q.set(http::field::host, "samovar");
    q.set(http::field::upgrade, "websocket");
    q.set(http::field::connection, "upgrade");
    q.set(http::field::sec_websocket_key, w.key);
    q.set(http::field::sec_websocket_version, "13");
    deadline_ = steady::now() + handshake_patience;
    auto shared = std::make_shared<http::request<http::empty_body>>(std::move(q));
    stream_.async_accept(*shared, [self = shared_from_this(), shared](const error_code& ec) {
      self->on_accept(ec);
    });
  }

  void tick(steady::time_point now) override {
    if (over_) return;
    if (now >= deadline_ || (open_ && now - heard_ > io_.shared.limits.socket_silence)) {
      end();
      return;
    }
    if (!open_ || closing_) return;
    if (now - pinged_ >= io_.shared.limits.ping && !pinging_) {
      pinging_ = true;
      pinged_ = now;
      stream_.async_ping({}, [self = shared_from_this()](const error_code& ec) {
        self->pinging_ = false;
        if (ec) self->end();
      });
    }
    if (now >= credential_end_) {
      start_close(websocket::close_code::policy_error);
      return;
    }
    const auto asked = io_.shared.recheck.load();
    if (credential_ && (now - checked_ >= recheck_every || asked != rechecked_)) {
      rechecked_ = asked;
      recheck(now);
    }
  }

  void drain() override {
    leaving_ = true;
    wake();
  }

  void abort() override { end(); }

  void wake() {
    if (writing_ || !open_ || closing_) return;
    frame_ = sink_->take();
    if (!frame_) {
      if (leaving_) start_close(websocket::close_code::going_away);
      return;
    }
    writing_ = true;
    stream_.async_write(boost::asio::buffer(*frame_),
                        [self = shared_from_this()](const error_code& ec, std::size_t) {
                          self->writing_ = false;
                          self->frame_.reset();
                          self->io_.shared.stats.frames_sent.fetch_add(1);
                          if (ec)
                            self->end();
                          else
                            self->wake();
                        });
  }

  void start_close(websocket::close_code code) {
    if (closing_ || over_) return;
    if (!open_) {
      end();
      return;
    }
    closing_ = true;
    deadline_ = steady::now() + close_patience;
    stream_.async_close(code, [self = shared_from_this()](const error_code&) { self->end(); });
  }

 private:
  static bool offers_protocol(std::string_view list) {
    while (!list.empty())
      if (take_entry(list, ',') == "samovar.v1") return true;
    return false;
  }

  void on_accept(const error_code& ec) {
    if (over_) return;
    if (ec) {
      end();
      return;
    }
    open_ = true;
    deadline_ = forever;
    heard_ = pinged_ = checked_ = steady::now();
    if (actor_.expires_at && io_.shared.ports.now_unix_us) {
      const core::timestamp now{std::chrono::microseconds(io_.shared.ports.now_unix_us())};
      // A key may end in the year 2999, which a steady clock's nanoseconds can't hold.
      credential_end_ = checked_ + std::min<core::tick>(*actor_.expires_at - now, a_year);
    }
    stream_.text(true);
    // The stream, which owns this function, is a member.
    stream_.control_callback([this](websocket::frame_type type, beast::string_view) {
      heard_ = steady::now();
      // The peer says goodbye: it has to hang up soon, too.
      if (type == websocket::frame_type::close) deadline_ = heard_ + close_patience;
    });
    io_.shared.ports.actors.subscribe(actor_.id, sink_, since_);
    subscribed_ = true;
    read();
    wake();
  }

  /// Whatever the client says is read and forgotten; reading is what answers pings and closes.
  void read() {
    stream_.async_read_some(boost::asio::buffer(ignored_),
                            [self = shared_from_this()](const error_code& ec, std::size_t) {
                              if (ec) {
                                self->end();
                                return;
                              }
                              self->heard_ = steady::now();
                              self->read();
                            });
  }

  void recheck(steady::time_point now) {
    checked_ = now;
    auto io = io_.shared_from_this();
    const std::weak_ptr<websocket_session> weak = weak_from_this();
    io_.shared.auth.recheck(actor_, [io, weak] {
      boost::asio::post(io->context, [weak] {
        if (auto self = weak.lock()) self->start_close(websocket::close_code::policy_error);
      });
    });
  }

  void end() {
    if (std::exchange(over_, true)) return;
    open_ = false;
    stream_.next_layer().close();
    sink_->detach();
    ticket_ = {};
    slot_.reset();
    if (subscribed_) io_.shared.ports.actors.unsubscribe(actor_.id, sink_);
  }

  stream_type stream_;
  std::unique_ptr<connection_slot> slot_;
  core::acting_user actor_;
  authentication::entry_ptr credential_;
  std::optional<std::int64_t> since_;
  std::shared_ptr<socket_sink> sink_;
  socket_registry::ticket ticket_;
  shared_text frame_;
  std::array<char, 256> ignored_{};
  steady::time_point deadline_ = forever;
  steady::time_point heard_{}, pinged_{}, checked_{};
  steady::time_point credential_end_ = forever;
  std::uint64_t rechecked_ = 0;
  bool open_ = false;
  bool writing_ = false;
  bool pinging_ = false;
  bool closing_ = false;
  bool leaving_ = false;
  bool subscribed_ = false;
  bool over_ = false;
};

}  // namespace

core::status open_websocket(io_thread& io, connection& socket,
                            std::unique_ptr<connection_slot>& slot, websocket_request w) {
  if (w.version != "13" || w.key.size() != 24 || !w.key.ends_with("=="))
    return core::make_error(core::error_code::malformed_request,
                            "The WebSocket handshake is malformed (version 13 is spoken)");
  std::optional<std::int64_t> since;
  if (w.since) {
    std::int64_t n = 0;
    const char* end = w.since->data() + w.since->size();
    const auto parsed = std::from_chars(w.since->data(), end, n);
    if (parsed.ec != std::errc() || parsed.ptr != end || n < 0)
      return core::make_error(core::error_code::validation_failed,
                              "since must be a sequence number", "since");
    since = n;
  }
  // The sink comes first: the user's place must be granted before the socket is taken over.
  auto target = std::make_shared<std::weak_ptr<websocket_session>>();
  auto thread = io.shared_from_this();
  const auto post_to = [target, thread](auto f) {
    boost::asio::post(thread->context, [target, f] {
      if (auto session = target->lock()) f(*session);
    });
  };
  auto sink = std::make_shared<socket_sink>(
      io.shared.limits.outbox_bytes, [post_to] { post_to([](websocket_session& s) { s.wake(); }); },
      [post_to] {
        post_to([](websocket_session& s) { s.start_close(websocket::close_code::policy_error); });
      });
  auto ticket = io.shared.sockets.add(w.actor, sink);
  if (!ticket)
    return core::make_error(core::error_code::rate_limited,
                            "Too many WebSockets of this account are open");
  auto session = std::make_shared<websocket_session>(io, std::move(socket), std::move(slot),
                                                     w.actor, w.credential, since);
  *target = session;
  session->attach(std::move(sink), std::move(*ticket));
  session->accept(w);
  return core::done{};
}

}  // namespace samovar::net
