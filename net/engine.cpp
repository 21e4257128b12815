#include "net/engine.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/limits.hpp"
#include "net/check_settings.hpp"
#include "net/text.hpp"

namespace samovar::net {

namespace {

/// Whoever signs in waits a little longer so that everybody else's requests don't.
constexpr int password_niceness = 10;

}  // namespace

bool connection_limits::enter(const std::string& address) {
  const std::lock_guard lock(mutex_);
  if (address.empty()) {
    if (total_ >= total_max_) return false;
    ++total_;
    return true;
  }
  auto& n = by_address_[address];
  if (total_ >= total_max_ || n >= address_max_) {
    if (n == 0) by_address_.erase(address);
    return false;
  }
  ++n;
  ++total_;
  return true;
}

void connection_limits::leave(const std::string& address) {
  const std::lock_guard lock(mutex_);
  --total_;
  const auto it = by_address_.find(address);
  if (it != by_address_.end() && --it->second == 0) by_address_.erase(it);
}

namespace {

trusted_proxies read_proxies(const std::string& list) {
  auto read = trusted_proxies::parse(list);
  if (!read.ok()) throw std::runtime_error(read.failure().detail);
  return std::move(read).value();
}

cors_origins read_origins(const std::string& list) {
  auto read = cors_origins::parse(list);
  if (!read.ok()) throw std::runtime_error(read.failure().detail);
  return std::move(read).value();
}

std::unique_ptr<tls_certificate> read_certificate(const settings& s) {
  if (s.tls_certificate.empty() && s.tls_key.empty()) return nullptr;
  return std::make_unique<tls_certificate>(s.tls_certificate, s.tls_key);
}

std::optional<bucket_rule> rule_of_keys(const settings& s) {
  if (s.key_requests_per_minute <= 0) return std::nullopt;
  const double n = s.key_requests_per_minute;
  return bucket_rule{n / 60.0, n};
}

}  // namespace

void check_settings(const settings& s) {
  read_proxies(s.trusted_proxies);
  read_origins(s.cors_origins);
  read_certificate(s);
}

engine::engine(services s, const engine_limits& l)
    : ports(std::move(s)),
      secure(starts_ignoring_case(ports.config.public_url, "https://")),
      tls(read_certificate(ports.config)),
      proxies(read_proxies(ports.config.trusted_proxies)),
      foreign_pages(read_origins(ports.config.cors_origins)),
      limits(l),
      connections(l.connections, l.connections_per_address),
      handshakes(l.handshakes, l.handshakes_per_address),
      files(ports.config.web_root),
      pool(static_cast<std::size_t>(std::max(1, ports.config.pool_threads)), l.pool_queue),
      passwords(static_cast<std::size_t>(std::max(1, ports.config.password_threads)),
                l.password_queue, password_niceness),
      auth(ports.accounts, ports.secrets, pool) {
  if (const auto rule = rule_of_keys(ports.config)) keys.emplace(*rule, rate_limit_keys_max);
}

void engine::invalidate_key(core::api_key_id id) {
  auth.invalidate_key(id);
  sockets.close_key(id);
}

void engine::invalidate_session(core::web_session_id id) {
  auth.invalidate_session(id);
  sockets.close_session(id);
}

void engine::invalidate_user(core::user_id id) {
  auth.invalidate_user(id);
  sockets.close_user(id);
}

void engine::invalidate_user_sessions(core::user_id id) {
  auth.invalidate_sessions_of(id);
  sockets.close_sessions_of(id);
}

void engine::invalidate_everything() {
  auth.invalidate_everything();
  recheck.fetch_add(1);
}

bool engine::allow_sign_in(const std::string& account, const std::string& address) {
  return door.allow_sign_in(account, address, std::chrono::steady_clock::now());
}

void engine::sign_in_failed(const std::string& account, const std::string& address) {
  door.sign_in_failed(account, address, std::chrono::steady_clock::now());
}

bool engine::allow_registration(const std::string& address) {
  return door.allow_registration(address, std::chrono::steady_clock::now());
}

std::string engine::new_request_id() const {
  // Unique, not secret: a counter behind a random start, mixed (splitmix64).
  static const std::uint64_t start = ports.secrets.random_u64();
  static std::atomic<std::uint64_t> counter{0};
  std::uint64_t x = start + counter.fetch_add(1, std::memory_order_relaxed) * 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  x ^= x >> 31;
  static constexpr char digits[] = "0123456789abcdef";
  std::string out(16, '0');
  for (std::size_t i = 0; i < 16; ++i) out[i] = digits[(x >> (60 - 4 * i)) & 15];
  return out;
}

core::status engine::check_csrf(const core::acting_user& actor, std::string_view token,
                                std::string_view origin, std::string_view referer,
                                std::string_view host) const {
  if (origin.empty() && referer.empty())  // browsers always say where a change comes from
    return core::make_error(core::error_code::csrf_failed, "The Origin header is missing");
  if (!same_origin(origin, referer, host, ports.config.public_url))
    return core::make_error(core::error_code::csrf_failed,
                            "The request comes from another web site");
  if (actor.csrf_token.empty() || !equal_in_constant_time(token, actor.csrf_token))
    return core::make_error(core::error_code::csrf_failed,
                            "The X-CSRF-Token header is missing or wrong");
  return core::done{};
}

void run_handler(const route& r, const std::shared_ptr<const request>& q, const respond& answer) {
  core::error e;
  try {
    r.handle(q, answer);
    return;
  } catch (const core::store_unavailable& x) {
    spdlog::warn("{} {} [{}]: store unavailable: {}", r.method, r.pattern, q->request_id, x.what());
    e = core::make_error(core::error_code::unavailable,
                         "The database cannot be reached just now; please try again shortly");
  } catch (const std::exception& x) {
    spdlog::error("{} {} [{}]: {}", r.method, r.pattern, q->request_id, x.what());
    e = core::make_error(core::error_code::internal, "Something went wrong on the server");
  }
  answer(error_reply(e, q->request_id));
}

namespace {

route open_route(std::string path, where runs, std::function<reply()> f) {
  route r;
  r.method = "GET";
  r.pattern = std::move(path);
  r.who = access::open;
  r.runs = runs;
  r.handle = [f = std::move(f)](const std::shared_ptr<const request>&, const respond& answer) {
    answer(f());
  };
  return r;
}

reply health() {
  static const auto text = std::make_shared<const std::string>("{\"status\":\"healthy\"}");
  reply r;
  r.body = text;
  return r;
}

reply ready(engine& e, const std::string& request_id) {
  constexpr std::uint64_t free_bytes_min = 64ULL * 1024 * 1024;
  const auto word = [](bool ok) { return ok ? "\"ok\"" : "\"failing\""; };
  bool database = false;
  bool blobs = false;
  try {
    database = !e.ports.database_ready || e.ports.database_ready();
    blobs = e.ports.blobs.free_bytes() >= free_bytes_min;
  } catch (const std::exception& x) {  // a check that cannot be made has failed
    spdlog::warn("readiness check: {}", x.what());
  }
  const bool devices = e.ports.actors.ready();
  const bool draining = e.draining.load() || e.ports.actors.draining();
  const bool ok = database && blobs && devices && !draining;
  reply r;
  r.status = ok ? 200 : 503;
  if (!ok) r.headers.emplace_back("Retry-After", "5");
  // Not ready is an error like any other, with the checks beside it.
  const auto problem =
      std::string("\"detail\":\"The server is not ready\",\"code\":\"unavailable\",") +
      "\"request_id\":\"" + request_id + "\",";
  r.body = std::string("{") + (ok ? "" : problem) + "\"status\":\"" +
           (ok ? "ready" : "unavailable") + "\",\"checks\":{\"database\":" + word(database) +
           ",\"blobs\":" + word(blobs) + ",\"devices\":" + word(devices) +
           ",\"draining\":" + (draining ? "true" : "false") + "}}";
  return r;
}

}  // namespace

std::vector<route> engine_routes(engine& e) {
  std::vector<route> out;
  for (const char* path : {"/health", "/api/v1/health", "/healthz"})
    out.push_back(open_route(path, where::inline_, health));
  route readiness = open_route("/readyz", where::pool, health);
  readiness.handle = [&e](const std::shared_ptr<const request>& q, const respond& answer) {
    answer(ready(e, q->request_id));
  };
  out.push_back(std::move(readiness));
  out.push_back(open_route("/metrics", where::inline_, [&e] {
    reply r;
    r.content_type = "text/plain; version=0.0.4; charset=utf-8";
    r.body = render_metrics(e);
    return r;
  }));
  return out;
}

}  // namespace samovar::net
