// Writing side of a connection.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <charconv>
#include <utility>

#include "net/http_session.hpp"
#include "net/reply_head.hpp"

namespace samovar::net {

namespace {

constexpr std::size_t stream_piece_bytes = 64 * 1024;
constexpr auto linger_for = std::chrono::seconds(5);

}  // namespace

void http_session::on_reply(reply r) {
  if (phase_ != phase::handling) return;
  send(std::move(r));
  run();
}

/// Sign-ins and registrations are counted by address and account; the address's wait is known here.
int http_session::wait_asked_for() const {
  const auto& who = request_ ? request_->remote_address : slot_->address();
  return io_.shared.door.retry_after_s(who, steady::now());
}

void http_session::prepare_body(reply& r, bool send_body) {
  out_body_ = {};
  stream_.reset();
  if (auto* text = std::get_if<std::string>(&r.body)) {
    out_text_ = std::move(*text);
    out_body_ = out_text_;
  } else if (auto* shared = std::get_if<std::shared_ptr<const std::string>>(&r.body)) {
    out_shared_ = std::move(*shared);
    if (out_shared_) out_body_ = *out_shared_;
  } else if (auto* source = std::get_if<body_source>(&r.body); send_body && *source) {
    stream_ = std::make_shared<body_source>(std::move(*source));
  }
}

void http_session::send(reply r) {
  phase_ = phase::writing;
  if (io_.shared.draining.load(std::memory_order_relaxed)) keep_alive_ = false;
  const bool streamed = std::holds_alternative<body_source>(r.body);
  const bool send_body = !is_head_ && !bodiless(r.status);
  prepare_body(r, send_body);
  const auto sets_cookie = [](const auto& h) { return h.first == "Set-Cookie"; };
  if (!fresh_cookie_.empty() && std::none_of(r.headers.begin(), r.headers.end(), sets_cookie))
    r.headers.emplace_back("Set-Cookie", std::move(fresh_cookie_));
  fresh_cookie_.clear();
  head_facts f;
  f.request_id = request_id_;
  f.date = io_.date();
  f.http11 = http11_;
  f.api = api_;
  f.cors_origin = cors_origin_;
  f.by_origin = api_ && !io_.shared.foreign_pages.empty();
  f.content_length = streamed ? r.content_length : std::optional<std::uint64_t>(out_body_.size());
  if (streamed && !f.content_length) {
    f.chunked = http11_;
    if (!http11_) keep_alive_ = false;  // the end of the body is the end of the connection
  }
  f.keep_alive = keep_alive_;
  f.hsts_s =
      socket_.is_tls() || (request_ && request_->secure) ? io_.shared.ports.config.hsts_s : 0;
  if (r.status == 429) f.retry_after_s = wait_asked_for();
  pace_.reset();
  out_.clear();
  out_sent_ = 0;
  write_head(out_, r, f);
  if (!send_body) out_body_ = {};
  then_ = keep_alive_ ? then::next_exchange : then::close;
  if (stream_) {
    then_ = then::pull_stream;
    stream_chunked_ = f.chunked;
    stream_more_ = true;
    stream_left_ = r.content_length;
  }
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(steady::now() - began_);
  const int row = route_ ? match_.index : io_.shared.stats.other();
  io_.shared.stats.observe(row, r.status, static_cast<std::uint64_t>(took.count()));
  // The route, never the path or the query: what people put there may be a secret.
  spdlog::debug("{} asked {}: {} in {} us [{}]",
                request_ ? request_->remote_address : slot_->address(), io_.shared.stats.label(row),
                r.status, took.count(), request_id_);
  request_.reset();
  flush();
}

void http_session::flush() {
  for (;;) {
    const std::size_t total = out_.size() + out_body_.size();
    if (out_sent_ == total) {
      on_flushed();
      return;
    }
    std::array<boost::asio::const_buffer, 2> parts;
    if (out_sent_ < out_.size()) {
      parts = {boost::asio::buffer(out_.data() + out_sent_, out_.size() - out_sent_),
               boost::asio::buffer(out_body_.data(), out_body_.size())};
    } else {
      const auto done = out_sent_ - out_.size();
      parts = {boost::asio::buffer(out_body_.data() + done, out_body_.size() - done),
               boost::asio::const_buffer{}};
    }
    boost::system::error_code ec;
    const auto n = socket_.write_some(parts, ec);
    if (!ec) {
      out_sent_ += n;
      pace_.moved(n);
      continue;
    }
    if (ec != boost::asio::error::would_block) {
      close();
      return;
    }
    const auto& config = io_.shared.ports.config;
    const auto patience = std::chrono::seconds(config.body_idle_s);
    deadline_ = pace_.begin_wait(steady::now(), patience, patience, config.body_rate_min);
    const auto resume = [self = shared_from_this()](const boost::system::error_code& e) {
      if (self->phase_ != phase::writing) return;
      self->pace_.end_wait(steady::now());
      if (e) {
        self->close();
        return;
      }
      self->flush();
      self->run();
    };
    socket_.async_wait_write(resume);
    return;
  }
}

void http_session::on_flushed() {
  out_body_ = {};
  out_shared_.reset();
  if (out_text_.capacity() > stream_piece_bytes) std::string().swap(out_text_);
  switch (then_) {
    case then::next_exchange: finish_exchange(); break;
    case then::pull_stream:
      if (stream_more_) {
        pull();
      } else {
        stream_.reset();
        if (keep_alive_ && stream_left_.value_or(0) == 0)
          finish_exchange();
        else
          linger();
      }
      break;
    case then::close: linger(); break;
  }
}

void http_session::pull() {
  deadline_ = steady::time_point::max();
  const auto task = [k = keep(), source = stream_]() mutable {
    auto piece = std::make_shared<std::string>();
    bool more = true;
    bool failed = false;
    try {
      std::string part;
      while (more && piece->size() < stream_piece_bytes) {
        part.clear();
        more = (*source)(part);
        piece->append(part);
      }
    } catch (const std::exception&) {  // the head is sent: cutting the body is all that is left
      failed = true;
    }
    auto io = std::move(k.io);
    boost::asio::post(io->context, [s = std::move(k.session), piece, more, failed] {
      s->on_piece(std::move(*piece), more, failed);
      s->run();
    });
  };
  if (!io_.shared.pool.submit_continuation(task)) close();
}

void http_session::on_piece(std::string piece, bool more, bool failed) {
  if (phase_ != phase::writing) return;
  if (failed || (stream_left_ && piece.size() > *stream_left_)) {
    close();
    return;
  }
  if (stream_left_) *stream_left_ -= piece.size();
  stream_more_ = more;
  out_.clear();
  out_sent_ = 0;
  if (stream_chunked_ && !piece.empty()) {
    std::array<char, 20> hex{};
    const auto end = std::to_chars(hex.data(), hex.data() + hex.size(), piece.size(), 16).ptr;
    out_.assign(hex.data(), end);
    out_ += "\r\n";
    piece += "\r\n";
  }
  if (stream_chunked_ && !more) piece += "0\r\n\r\n";
  out_text_ = std::move(piece);
  out_body_ = out_text_;
  flush();
}

void http_session::finish_exchange() {
  phase_ = phase::head;
  first_ = false;
  route_ = nullptr;
  cors_origin_.clear();
  upload_.reset();
  stream_.reset();
  parser_.reset();
  deadline_ = steady::time_point::max();
}

void http_session::linger() {
  request_.reset();
  upload_.reset();
  if (!dirty_ && buffered() == 0) {
    close();
    return;
  }
  // Unread input would make the kernel reset the connection and lose the answer.
  socket_.shutdown_send();
  phase_ = phase::lingering;
  deadline_ = steady::now() + linger_for;
  if (!reading_) discard_input();
}

void http_session::close() {
  if (phase_ == phase::closed) return;
  phase_ = phase::closed;
  socket_.close();
  request_.reset();
  upload_.reset();
  stream_.reset();
  slot_.reset();  // a late answer may keep this object longer than the engine lives
}

}  // namespace samovar::net
