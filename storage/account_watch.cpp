#include "storage/account_watch.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <pqxx/notification>

#include "core/limits.hpp"
#include "storage/pool.hpp"

namespace samovar::storage {

namespace {

constexpr auto retry_pause = std::chrono::seconds(1);
/// How soon the thread sees that it is to stop.
constexpr long wait_us = 200'000;
constexpr auto lookup_pause_min = std::chrono::milliseconds(250);
constexpr auto lookup_pause_max = std::chrono::seconds(8);

using clock = std::chrono::steady_clock;

class receiver final : public pqxx::notification_receiver {
 public:
  explicit receiver(pqxx::connection_base& c) : notification_receiver(c, "samovar_accounts") {}
  void operator()(const std::string& payload, int) override {
    // More than anybody's changes by hand: say "everything" once instead of each.
    if (heard.size() < core::limits::account_watch_events_max)
      heard.push_back(parse_account_change(payload).value_or(core::account_change{}));
    else
      heard.assign(1, core::account_change{});
  }
  std::vector<core::account_change> heard;
};

// libpqxx sends LISTEN where the receiver is made and UNLISTEN where it goes, the latter out of the
// hang watch's sight. On a connection that is closed it sends nothing.
class listening {
 public:
  explicit listening(connection& c) : c_(c) {
    c.guarded([&] { ears_.emplace(c.raw()); });
    // That LISTEN did not arrive is no error to libpqxx.
    if (!c.raw().is_open()) throw core::store_unavailable("the database cannot be reached");
  }
  ~listening() { c_.raw().disconnect(); }
  listening(const listening&) = delete;
  listening& operator=(const listening&) = delete;
  std::vector<core::account_change>& heard() { return ears_->heard; }

 private:
  connection& c_;
  std::optional<receiver> ears_;
};

}  // namespace

std::optional<core::account_change> parse_account_change(std::string_view payload) {
  using kind = core::account_change::kind;
  const auto space = payload.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto id = core::parse_uuid(payload.substr(space + 1));
  if (!id) return std::nullopt;
  const auto word = payload.substr(0, space);
  if (word == "key") return core::account_change{kind::key, *id};
  if (word == "session") return core::account_change{kind::session, *id};
  if (word == "user") return core::account_change{kind::user, *id};
  if (word == "quota") return core::account_change{kind::quota, *id};
  return std::nullopt;
}

account_watch::account_watch(std::string app_conninfo, callback changed,
                             std::shared_ptr<hang_watch> hangs, std::chrono::seconds heartbeat)
    : conninfo_(std::move(app_conninfo)),
      hangs_(std::move(hangs)),
      changed_(std::move(changed)),
      heartbeat_(heartbeat),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

account_watch::~account_watch() {
  thread_.request_stop();
  thread_.join();
}

void account_watch::run(const std::stop_token& stop) {
  for (bool again = false; !stop.stop_requested(); again = true) {
    try {
      listen(stop, again);
    } catch (const std::exception& e) {
      spdlog::warn("account_watch: {}; connecting again", e.what());
    }
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, stop, retry_pause, [] { return false; });
  }
}

void account_watch::listen(const std::stop_token& stop, bool again) {
  connection c(conninfo_, hangs_);
  listening ears(c);
  if (again) ears.heard().assign(1, {});
  auto heartbeat_at = clock::now() + heartbeat_;
  clock::time_point tell_at{};
  clock::duration pause = lookup_pause_min;
  while (!stop.stop_requested()) {
    if (clock::now() >= tell_at) {
      if (tell_all(stop, ears.heard())) {
        pause = lookup_pause_min;
      } else {
        tell_at = clock::now() + pause;
        pause = std::min<clock::duration>(2 * pause, lookup_pause_max);
      }
    }
    c.raw().await_notification(0, wait_us);
    if (clock::now() < heartbeat_at) continue;
    c.exec("select 1");  // nobody else would notice that this connection hangs
    heartbeat_at = clock::now() + heartbeat_;
  }
}

// Tells what was heard, in order. What can't be looked up now stays, and so does what follows it.
bool account_watch::tell_all(const std::stop_token& stop,
                             std::vector<core::account_change>& heard) {
  auto next = heard.begin();
  try {
    for (; next != heard.end() && !stop.stop_requested(); ++next) tell(*next);
  } catch (const core::store_unavailable& e) {
    spdlog::warn("account_watch: a change can't be followed yet: {}", e.what());
  }
  heard.erase(heard.begin(), next);
  return heard.empty();
}

void account_watch::tell(const core::account_change& change) {
  try {
    changed_(change);
  } catch (const core::store_unavailable&) {
    throw;
  } catch (const std::exception& e) {
    spdlog::error("account_watch: a change could not be followed: {}", e.what());
  }
}

}  // namespace samovar::storage
