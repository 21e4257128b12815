// What a request is, who asks, and whether they may.
#include <spdlog/spdlog.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "core/limits.hpp"
#include "net/pending_reply.hpp"
#include "net/session_cookie.hpp"
#include "net/text.hpp"
#include "net/websocket_session.hpp"

namespace samovar::net {

namespace {

namespace limits = core::limits;

/// Bodies up to this size are read before an early refusal, so that the connection lives on.
constexpr std::uint64_t drained_body_bytes_max = 256 * 1024;
constexpr std::uint64_t ignored_body_bytes_max = 64 * 1024;
/// A multipart body is its file and a little more.
constexpr std::uint64_t multipart_extra_bytes = 1024 * 1024;

}  // namespace

pending_reply::~pending_reply() {
  if (answered_.load()) return;
  answer(error_reply(
      core::make_error(core::error_code::internal, "Something went wrong on the server"),
      request_id_));
}

void pending_reply::answer(reply r) {
  if (answered_.exchange(true)) return;
  if (io_->here() && session_->in_call_) {
    session_->sync_reply_ = std::move(r);
    session_.reset();
    return;
  }
  boost::asio::post(io_->context, [s = std::move(session_), r = std::move(r)]() mutable {
    s->on_reply(std::move(r));
  });
}

void http_session::begin_exchange() {
  began_ = steady::now();
  phase_ = phase::deciding;
  deadline_ = steady::time_point::max();
  http11_ = parser_->http11;
  keep_alive_ = parser_->keep_alive();
  dirty_ = !parser_->is_done();
  route_ = nullptr;
  api_ = false;
  answer_after_body_.reset();
  fresh_cookie_.clear();
  auto& engine = io_.shared;
  request_ = std::shared_ptr<request>(new request, [](request* r) {
    std::error_code ec;  // a leftover is the blob store's sweeper's to find
    if (r->file) std::filesystem::remove(r->file->path, ec);
    delete r;
  });
  request_->method = parser_->method;
  request_->remote_address = slot_->address();
  is_head_ = request_->method == "HEAD";
  if (!read_headers()) return;
  read_target(parser_->target);
  match_ = engine.routes.find(request_->method, request_->path, request_->path_values);
  route_ =
      match_.index >= 0 ? &engine.routes.routes()[static_cast<std::size_t>(match_.index)] : nullptr;
  api_ = request_->path.starts_with("/api/") || request_->path == "/api";
  if (answer_preflight()) return;
  const bool v1 = request_->path.starts_with("/api/v1/") || request_->path == "/api/v1";
  if (route_ ? route_->who != access::open : v1)
    authenticate();
  else
    authorized();
}

void http_session::authenticate() {
  const auto c = find_credential(authorization_, x_api_key_, cookie_);
  if (c.kind == credential_kind::none) {
    refuse_unknown(c.kind);
    return;
  }
  auto& auth = io_.shared.auth;
  authentication::entry_ptr entry;
  if (c.kind == known_kind_ && c.secret == known_secret_ && auth.usable(known_entry_, began_))
    entry = known_entry_;
  else
    entry = auth.find_fresh(c, began_);
  known_kind_ = c.kind;
  if (c.secret != known_secret_) known_secret_ = c.secret;
  if (entry) {
    admitted(entry);
    return;
  }
  known_entry_.reset();
  auth.verify(c,
              [k = std::make_shared<keeper>(keep())](core::outcome<authentication::entry_ptr> r) {
                auto io = std::move(k->io);
                boost::asio::post(io->context, [s = std::move(k->session), r = std::move(r)] {
                  s->on_verified(r);
                  s->run();
                });
              });
}

void http_session::on_verified(core::outcome<authentication::entry_ptr> result) {
  if (phase_ != phase::deciding) return;
  if (!result.ok()) {
    refuse(result.failure());
  } else if (!*result) {
    refuse_unknown(known_kind_);
  } else {
    admitted(*result);
  }
}

void http_session::admitted(const authentication::entry_ptr& entry) {
  known_entry_ = entry;
  request_->actor = entry->actor;
  if (refuse_busy_key()) return;
  // The new token travels with this answer, so the answer must be a quick one.
  const bool quick =
      request_->method == "GET" && !wants_upgrade_ && !request_->query.contains("wait");
  if (!entry->actor.rotation_due || !quick || !io_.shared.auth.may_rotate(*entry)) {
    authorized();
    return;
  }
  io_.shared.auth.rotate(entry, [k = std::make_shared<keeper>(keep())](
                                    std::optional<std::string> token) {
    auto io = std::move(k->io);
    boost::asio::post(io->context, [s = std::move(k->session), token = std::move(token)]() mutable {
      s->on_rotated(std::move(token));
      s->run();
    });
  });
}

void http_session::on_rotated(std::optional<std::string> token) {
  if (phase_ != phase::deciding) return;
  const auto& ends = request_->actor.expires_at;
  if (token && ends) {
    const auto left =
        *ends - core::timestamp{std::chrono::microseconds(io_.shared.ports.now_unix_us())};
    fresh_cookie_ = session_cookie(*token, request_->secure,
                                   std::chrono::duration_cast<std::chrono::seconds>(left).count());
  }
  authorized();
}

void http_session::refuse_unknown(credential_kind offered) {
  // Whoever sent a key learns that it arrived; which of the three it is stays untold.
  if (io_.shared.door.allow_unauthenticated(request_->remote_address, began_))
    refuse(core::make_error(core::error_code::not_signed_in,
                            offered == credential_kind::api_key
                                ? "Not signed in: the API key is unknown, expired or revoked"
                                : "Not signed in"));
  else
    refuse(core::make_error(core::error_code::rate_limited,
                            "Too many requests without valid credentials"));
}

/// The credential is good; a key may be asking too often.
// What one API key may send in a minute, where the operator set a limit.
bool http_session::refuse_busy_key() {
  auto& keys = io_.shared.keys;
  const auto& key = request_->actor.via_key;
  if (!keys || !key) return false;
  const auto name = core::to_string(*key);
  if (keys->take(name, began_)) return false;
  refuse(core::make_error(core::error_code::rate_limited,
                          "This API key sends more requests than the server allows"),
         {{"Retry-After", std::to_string(keys->retry_after_s(name, began_))}});
  return true;
}

void http_session::authorized() {
  auto& engine = io_.shared;
  const auto& actor = request_->actor;
  if (!target_ok_) {
    refuse(core::make_error(core::error_code::malformed_request,
                            "The request's path or query is malformed"));
    return;
  }
  if (!route_) {
    const bool page = !api_ && !match_.path_known;
    if (page && (request_->method == "GET" || is_head_)) {
      const auto known = request_->header("if-none-match");
      reply r = engine.files.serve(request_->path, known.value_or(""), request_id_);
      keep_alive_ = keep_alive_ && parser_->is_done();
      send(std::move(r));
    } else if (match_.path_known || page) {
      refuse(core::make_error(core::error_code::method_not_allowed, "Method not allowed"),
             {{"Allow", page ? "GET, HEAD" : match_.allow}});
    } else {
      refuse(core::make_error(core::error_code::not_found, "Not found"));
    }
    return;
  }
  if (route_->who == access::admin && actor.rights != core::role::admin) {
    refuse(core::make_error(core::error_code::forbidden, "This needs an administrator"));
    return;
  }
  if (route_->changes_state()) {
    if (route_->who != access::open && actor.read_only) {
      refuse(core::make_error(core::error_code::read_only_key, "This API key may only read"));
      return;
    }
    core::status ok = core::done{};
    if (request_->secure && (route_->who == access::open || actor.via_session) &&
        starts_ignoring_case(origin_, "http://")) {
      // A page without TLS can be written by anybody on its way.
      ok = core::make_error(core::error_code::csrf_failed,
                            "The request comes from a page that was not loaded over TLS");
    } else if (route_->who == access::open) {  // signing in for another site's purposes
      if (!same_origin(origin_, referer_, host_, engine.ports.config.public_url))
        ok = core::make_error(core::error_code::csrf_failed,
                              "The request comes from another web site");
    } else if (actor.via_session) {
      ok = engine.check_csrf(actor, csrf_, origin_, referer_, host_);
    }
    if (!ok.ok()) {
      refuse(ok.failure());
      return;
    }
  }
  if (route_->pattern == websocket_path && wants_upgrade_)
    upgrade();
  else
    expect_body();
}

void http_session::expect_body() {
  const bool has_body = parser_->content_length() || parser_->chunked();
  if (!has_body && route_->body != body_kind::none && !route_->body_optional) {
    refuse(core::make_error(core::error_code::length_required,
                            "The request needs a body, with a Content-Length or in chunks"));
    return;
  }
  if (parser_->is_done() && route_->body != body_kind::file) {  // nearly every GET
    call_handler();
    return;
  }
  const auto upload_max = io_.shared.ports.config.upload_bytes_max;
  switch (route_->body) {
    case body_kind::none: body_max_ = ignored_body_bytes_max; break;
    case body_kind::json: body_max_ = limits::json_body_bytes_max; break;
    case body_kind::file: body_max_ = upload_max + multipart_extra_bytes; break;
  }
  const auto length = parser_->content_length();
  if (length && *length > body_max_) {
    keep_alive_ = false;
    refuse(core::make_error(core::error_code::payload_too_large,
                            "The request body is larger than allowed"));
    return;
  }
  if (route_->body == body_kind::file) {
    const auto boundary = multipart_boundary(content_type_);
    if (!boundary.ok()) {
      refuse(boundary.failure());
      return;
    }
    block_.clear();
    upload_ = std::make_shared<upload>(io_.shared.ports.blobs, *boundary, upload_max);
    parser_->body = &block_;
  } else {
    parser_->body = route_->body == body_kind::json ? &request_->body : nullptr;
  }
  if (parser_->is_done()) {
    body_complete();
    return;
  }
  if (expects_continue_ && buffered() == 0) {
    static constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    boost::system::error_code ec;  // a client that doesn't see it sends anyway after a while
    socket_.write_some(boost::asio::buffer(go_on.data(), go_on.size()), ec);
  }
  phase_ = phase::body;
  pace_.reset();
}

void http_session::call_handler() {
  phase_ = phase::handling;
  deadline_ = steady::time_point::max();
  dirty_ = false;
  auto pending =
      std::make_shared<pending_reply>(io_.shared_from_this(), shared_from_this(), request_id_);
  const respond answer = [pending](reply r) { pending->answer(std::move(r)); };
  const std::shared_ptr<const request> q = request_;
  bool taken = route_->runs == where::inline_;
  if (taken || route_->try_inline) {
    in_call_ = true;
    if (taken)
      run_handler(*route_, q, answer);
    else
      taken = route_->try_inline(q, answer);
    in_call_ = false;
  }
  if (taken) {
    if (!sync_reply_) return;
    reply r = std::move(*sync_reply_);
    sync_reply_.reset();
    send(std::move(r));
    return;
  }
  auto& pool = route_->runs == where::passwords ? io_.shared.passwords : io_.shared.pool;
  if (pool.submit([r = route_, q, answer] { run_handler(*r, q, answer); })) return;
  in_call_ = true;  // the refusal takes the handler's place
  pending->answer(error_reply(core::make_error(core::error_code::unavailable,
                                               "The server is busy; please try again shortly"),
                              request_id_));
  in_call_ = false;
  reply r = std::move(*sync_reply_);
  sync_reply_.reset();
  send(std::move(r));
}

void http_session::refuse(core::error e, std::vector<std::pair<std::string, std::string>> headers) {
  reply r = error_reply(e, request_id_);
  for (auto& h : headers) r.headers.push_back(std::move(h));
  upload_.reset();
  if (parser_->is_done()) {
    dirty_ = false;
    send(std::move(r));
    return;
  }
  const auto left = parser_->content_length_remaining();
  if (keep_alive_ && !expects_continue_ && left && *left <= drained_body_bytes_max) {
    parser_->body = nullptr;
    parser_->body_bytes = 0;
    body_max_ = drained_body_bytes_max;
    answer_after_body_ = std::move(r);
    phase_ = phase::body;
    pace_.reset();
    return;
  }
  keep_alive_ = false;
  dirty_ = true;
  send(std::move(r));
}

void http_session::protocol_error(core::error_code code, const char* detail) {
  if (request_id_.empty() || !request_) request_id_ = io_.shared.new_request_id();
  if (!request_) began_ = steady::now();
  upload_.reset();
  keep_alive_ = false;
  dirty_ = true;
  is_head_ = false;
  send(error_reply(core::make_error(code, detail), request_id_));
}

void http_session::upgrade() {
  if (!origin_.empty() || request_->actor.via_session) {
    const bool named =
        !origin_.empty() && same_origin(origin_, {}, host_, io_.shared.ports.config.public_url);
    if (request_->actor.via_session && !named) {
      refuse(core::make_error(core::error_code::csrf_failed,
                              "The request comes from another web site"));
      return;
    }
  }
  websocket_request w;
  w.key = ws_key_;
  w.version = ws_version_;
  w.protocol = ws_protocol_;
  w.request_id = request_id_;
  w.hsts_s = request_->secure ? io_.shared.ports.config.hsts_s : 0;
  w.actor = request_->actor;
  w.credential = known_entry_;
  if (const auto it = request_->query.find("since"); it != request_->query.end())
    w.since = it->second;
  core::status ok = core::done{};
  if (buffered() > 0 || !parser_->is_done())
    ok = core::make_error(core::error_code::malformed_request,
                          "Nothing may follow a WebSocket handshake before its answer");
  if (ok.ok()) ok = open_websocket(io_, socket_, slot_, std::move(w));
  if (!ok.ok()) {
    refuse(ok.failure());
    return;
  }
  io_.shared.stats.observe(match_.index, 101, 0);
  close();  // the socket has moved on; this connection's buffers die here
}

}  // namespace samovar::net
