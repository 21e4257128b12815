#include "net/authentication.hpp"

#include <spdlog/spdlog.h>

#include <utility>

#include "net/text.hpp"
#include "net/worker_pool.hpp"

namespace samovar::net {

namespace {

using namespace std::chrono_literals;

constexpr auto trusted_for = 1000ms;
constexpr auto refresh_after = 500ms;
constexpr auto touch_every = 60s;
constexpr std::size_t entries_max = 20'000;
constexpr std::size_t secret_bytes_max = 512;

char kind_char(credential_kind k) { return k == credential_kind::api_key ? 'k' : 's'; }

auto age(const authentication::entry& e, authentication::clock::time_point now) {
  return now.time_since_epoch() - authentication::clock::duration(e.checked_at.load());
}

core::error store_away() {
  return core::make_error(core::error_code::unavailable,
                          "The server is busy; please try again shortly");
}

}  // namespace

credential find_credential(std::string_view authorization, std::string_view x_api_key,
                           std::string_view cookie) {
  credential c;
  if (starts_ignoring_case(authorization, "bearer ")) {
    c = {credential_kind::api_key, trim(authorization.substr(7))};
  } else if (!x_api_key.empty()) {
    c = {credential_kind::api_key, trim(x_api_key)};
  } else if (const auto value = cookie_value(cookie, "samovar_session")) {
    c = {credential_kind::web_session, *value};
  }
  if (c.secret.empty() || c.secret.size() > secret_bytes_max) return {};
  return c;
}

authentication::authentication(core::account_store& accounts, core::secrets& secrets,
                               worker_pool& pool)
    : accounts_(accounts), secrets_(secrets), pool_(pool) {}

bool authentication::usable(const entry_ptr& e, clock::time_point now) {
  if (!e || e->revoked.load(std::memory_order_acquire)) return false;
  const auto old = age(*e, now);
  if (old >= trusted_for) return false;
  if (old >= refresh_after && !e->refreshing.exchange(true)) {
    const std::string key = kind_char(e->kind) + e->digest;
    if (!pool_.submit([this, key] { look_up(key); })) e->refreshing = false;
  }
  if (e->kind == credential_kind::api_key) touch(*e, now);
  return true;
}

authentication::entry_ptr authentication::find_fresh(const credential& c, clock::time_point now) {
  const std::string key = kind_char(c.kind) + secrets_.sha256(c.secret);
  entry_ptr found;
  {
    const std::lock_guard lock(mutex_);
    const auto it = entries_.find(key);
    if (it == entries_.end()) return nullptr;
    found = it->second;
  }
  return usable(found, now) ? found : nullptr;
}

void authentication::verify(const credential& c, callback done) {
  start_look_up(kind_char(c.kind) + secrets_.sha256(c.secret), std::move(done));
}

void authentication::recheck(const core::acting_user& who, std::function<void()> ended) {
  pool_.submit([this, who, ended = std::move(ended)] {
    try {
      if (!accounts_.still_admitted(who)) ended();
    } catch (const std::exception& e) {  // the database is away; the next recheck will tell
      spdlog::warn("authentication could not check a credential again: {}", e.what());
    }
  });
}

void authentication::rotate(const entry_ptr& e,
                            std::function<void(std::optional<std::string>)> done) {
  const auto work = [this, e, done] {
    std::optional<std::string> token = secrets_.random_token();
    try {
      if (!accounts_.rotate_web_session(*e->actor.via_session, e->digest, secrets_.sha256(*token)))
        token.reset();
    } catch (const std::exception& x) {  // a later request will replace it
      spdlog::warn("authentication could not replace a session's token: {}", x.what());
      e->rotating = false;
      token.reset();
    }
    done(std::move(token));
  };
  if (pool_.submit(work)) return;
  e->rotating = false;
  done(std::nullopt);
}

void authentication::start_look_up(std::string key, callback done) {
  {
    const std::lock_guard lock(mutex_);
    auto& waiting = waiting_[key];
    waiting.push_back(std::move(done));
    if (waiting.size() > 1) return;  // the look-up under way answers this one too
  }
  if (!pool_.submit([this, key] { look_up(key); })) finish(key, store_away());
}

std::optional<core::acting_user> authentication::ask_store(const std::string& key) {
  const std::string digest = key.substr(1);
  return key[0] == 'k' ? accounts_.find_by_api_key(digest) : accounts_.find_by_web_session(digest);
}

void authentication::look_up(const std::string& key) {
  try {
    // An invalidation during the look-up may have come too late for what was read: read again.
    for (;;) {
      std::uint64_t before = 0;
      {
        const std::lock_guard lock(mutex_);
        before = generation_;
      }
      const auto actor = ask_store(key);
      const std::lock_guard lock(mutex_);
      if (before != generation_) continue;
      if (actor) {
        remember(key, *actor);
      } else if (const auto it = entries_.find(key); it != entries_.end()) {
        it->second->revoked = true;
        entries_.erase(it);
      }
      break;
    }
  } catch (const std::exception& e) {
    // The database is away: nobody is let in on an old look-up, and nobody is told 401.
    spdlog::warn("authentication could not look up a credential: {}", e.what());
    {
      const std::lock_guard lock(mutex_);
      if (const auto it = entries_.find(key); it != entries_.end()) it->second->refreshing = false;
    }
    finish(key, store_away());
    return;
  }
  entry_ptr found;
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = entries_.find(key); it != entries_.end()) found = it->second;
  }
  finish(key, found);
}

/// Called with the mutex held.
authentication::entry_ptr authentication::remember(const std::string& key,
                                                   const core::acting_user& actor) {
  if (entries_.size() >= entries_max) {
    const auto now = clock::now();
    std::erase_if(entries_, [&](const auto& kv) { return age(*kv.second, now) >= trusted_for; });
    if (entries_.size() >= entries_max) entries_.clear();
  }
  auto fresh = std::make_shared<entry>();
  fresh->actor = actor;
  fresh->kind = key[0] == 'k' ? credential_kind::api_key : credential_kind::web_session;
  fresh->digest = key.substr(1);
  fresh->checked_at = clock::now().time_since_epoch().count();
  auto& slot = entries_[key];
  if (slot) {
    fresh->touched_at = slot->touched_at.load();
    const bool same =
        slot->actor.id == actor.id && slot->actor.rights == actor.rights &&
        slot->actor.read_only == actor.read_only && slot->actor.via_key == actor.via_key &&
        slot->actor.via_session == actor.via_session &&
        slot->actor.csrf_token == actor.csrf_token && slot->actor.expires_at == actor.expires_at &&
        slot->actor.rotation_due == actor.rotation_due;
    if (same) {  // keep the entry that connections remember
      slot->checked_at = fresh->checked_at.load();
      slot->refreshing = false;
      return slot;
    }
    slot->revoked = true;
  }
  slot = fresh;
  return fresh;
}

void authentication::finish(const std::string& key, core::outcome<entry_ptr> result) {
  std::vector<callback> waiting;
  {
    const std::lock_guard lock(mutex_);
    if (const auto it = waiting_.find(key); it != waiting_.end()) {
      waiting = std::move(it->second);
      waiting_.erase(it);
    }
  }
  // A first use is a use, and of a key that is asked with once an hour every use is a first one.
  if (!waiting.empty() && result.ok() && *result && (*result)->kind == credential_kind::api_key)
    touch(**result, clock::now());
  for (auto& done : waiting) done(result);
}

void authentication::touch(entry& e, clock::time_point now) {
  auto last = e.touched_at.load(std::memory_order_relaxed);
  const auto at = now.time_since_epoch().count();
  if (last != 0 && now.time_since_epoch() - clock::duration(last) < touch_every) return;
  if (!e.touched_at.compare_exchange_strong(last, at) || !e.actor.via_key) return;
  pool_.submit([this, id = *e.actor.via_key] {
    try {
      accounts_.touch_api_key(id);
    } catch (const std::exception& x) {  // only the date of last use is lost
      spdlog::warn("authentication could not note a key's use: {}", x.what());
    }
  });
}

template <class Predicate>
void authentication::invalidate(Predicate p) {
  const std::lock_guard lock(mutex_);
  ++generation_;
  std::erase_if(entries_, [&](const auto& kv) {
    if (!p(kv.second->actor)) return false;
    kv.second->revoked.store(true, std::memory_order_release);
    return true;
  });
}

void authentication::invalidate_key(core::api_key_id id) {
  invalidate([&](const core::acting_user& a) { return a.via_key == id; });
}
void authentication::invalidate_session(core::web_session_id id) {
  invalidate([&](const core::acting_user& a) { return a.via_session == id; });
}
void authentication::invalidate_user(core::user_id id) {
  invalidate([&](const core::acting_user& a) { return a.id == id; });
}

void authentication::invalidate_sessions_of(core::user_id id) {
  invalidate([&](const core::acting_user& a) { return a.id == id && a.via_session; });
}
void authentication::invalidate_everything() {
  invalidate([](const core::acting_user&) { return true; });
}

std::size_t authentication::cached() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

bool same_origin(std::string_view origin, std::string_view referer, std::string_view host,
                 std::string_view public_url) {
  const bool has_origin = !origin.empty();
  if (!has_origin && referer.empty()) return true;
  const std::string claimed = origin_of(has_origin ? origin : referer);
  if (claimed.empty()) return false;  // "null" and nonsense
  if (!public_url.empty() && claimed == origin_of(public_url)) return true;
  const auto authority = std::string_view(claimed).substr(claimed.find("://") + 3);
  return !host.empty() && equals_ignoring_case(authority, host);
}

}  // namespace samovar::net
