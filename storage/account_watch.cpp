#include "storage/account_watch.hpp"

#include <spdlog/spdlog.h>

#include <pqxx/notification>
#include <vector>

#include "core/limits.hpp"
#include "storage/pool.hpp"

namespace samovar::storage {

namespace {

constexpr auto retry_pause = std::chrono::seconds(1);
/// How soon the thread sees that it is to stop.
constexpr long wait_us = 200'000;

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
                             std::shared_ptr<hang_watch> hangs)
    : conninfo_(std::move(app_conninfo)),
      hangs_(std::move(hangs)),
      changed_(std::move(changed)),
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
  receiver ears(c.raw());
  if (again) tell({});
  while (!stop.stop_requested()) {
    c.raw().await_notification(0, wait_us);
    std::vector<core::account_change> heard;
    heard.swap(ears.heard);
    for (const auto& change : heard) tell(change);
  }
}

void account_watch::tell(const core::account_change& change) {
  try {
    changed_(change);
  } catch (const core::store_unavailable&) {
    throw;  // looked up in vain: `everything` is told, again and again, until it can be followed
  } catch (const std::exception& e) {
    spdlog::error("account_watch: a change could not be followed: {}", e.what());
  }
}

}  // namespace samovar::storage
