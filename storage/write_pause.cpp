#include "storage/write_pause.hpp"

#include <spdlog/spdlog.h>

#include <thread>

namespace samovar::storage {

namespace {

constexpr int attempts_max = 20;
constexpr auto between_attempts = std::chrono::milliseconds(150);
// Shorter than PostgreSQL's deadlock_timeout (1 s): a writer that waits for us while we wait for it
// is let go before anybody looks for deadlocks.
constexpr const char* settings_sql = "set statement_timeout='700ms'";
// A superuser's own check comes first: it makes autovacuum step aside, and in a deadlock we lose.
constexpr const char* superuser_settings_sql = "set deadlock_timeout='200ms'";

}  // namespace

write_pause::write_pause(const std::string& conninfo)
    : connection_(std::make_unique<pqxx::connection>(conninfo)) {
  pqxx::nontransaction{*connection_}.exec(settings_sql);
  try {
    pqxx::nontransaction{*connection_}.exec(superuser_settings_sql);
  } catch (const pqxx::sql_error& e) {
    spdlog::debug("backup: {}", e.what());  // not a superuser: it works without
  }
  for (int i = 0; i < attempts_max; ++i) {
    if (try_lock()) return;
    std::this_thread::sleep_for(between_attempts);
  }
}

bool write_pause::try_lock() {
  try {
    transaction_ = std::make_unique<pqxx::work>(*connection_);
    const auto tables = transaction_->exec(
        "select string_agg(quote_ident(relname), ', ' order by relname) from pg_class "
        "where relkind = 'r' and relnamespace = 'public'::regnamespace "
        "and relname <> 'schema_migrations'");
    transaction_->exec(std::string{"lock table "} + tables[0][0].c_str() + " in share mode");
    since_ = std::chrono::steady_clock::now();
    return true;
  } catch (const pqxx::failure& e) {  // a deadlock is no sql_error to libpqxx
    spdlog::debug("backup: writes can't be paused just now: {}", e.what());
    transaction_.reset();
    return false;
  }
}

void write_pause::end_when_due() {
  if (held() && std::chrono::steady_clock::now() - since_ >= held_max) end();
}

void write_pause::end() {
  if (!held()) return;
  // Read before the locks go: whatever is acknowledged before was committed before they came.
  const auto now =
      std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  try {
    transaction_->exec("select 1");  // still ours?
    transaction_->commit();
    until_ = now;
  } catch (const pqxx::failure& e) {
    spdlog::debug("backup: the pause was lost: {}", e.what());
  }
  transaction_.reset();
  lasted_ = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                  since_);
}

}  // namespace samovar::storage
