#include "storage/pool.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>

namespace samovar::storage {

bool means_unavailable(const pqxx::sql_error& e) {
  const std::string& state = e.sqlstate();
  // PostgreSQL gives every error a state (libpqxx 6.4 forgets that of one). Without one it is libpq
  // that speaks, which may call the connection open that it could not write to.
  if (state.empty()) return dynamic_cast<const pqxx::insufficient_privilege*>(&e) == nullptr;
  // 08 connection; 57P admin shutdown, crash, starting up; 53 out of disk, memory, connections.
  return state.starts_with("08") || state.starts_with("57P") || state.starts_with("53") ||
         state == "25006";  // read-only: a standby or a full disk
}

bool is_passing(const pqxx::sql_error& e) {
  const std::string& state = e.sqlstate();
  return state == "55P03" || state == "57014";
}

connection::connection(const std::string& conninfo, std::shared_ptr<hang_watch> watch,
                       std::chrono::seconds limit)
    : watch_(std::move(watch)), limit_(limit), seat_(watch_) {
  try {
    {
      // Nothing can be cut yet; connect_timeout ends the wait.
      const waiting w{*this};
      raw_ = std::make_unique<pqxx::connection>(conninfo);
    }
    if (!seat_.connected(raw_->sock(), raw_->backendpid())) lost("no descriptor is left");
      // A lost connection must not come back by itself, without its settings and prepared
      // statements. There is no other way to say so in libpqxx 6.4, where later versions never do
      // it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    raw_->inhibit_reactivation(true);
#pragma GCC diagnostic pop
    exec(
        "set timezone='UTC'; set datestyle='ISO, YMD'; set client_encoding='UTF8';"
        "set standard_conforming_strings=on; set extra_float_digits=1; set bytea_output='hex';"
        "set statement_timeout=" +
        milliseconds_text(limit) +
        "; set lock_timeout='10s';"
        "set idle_in_transaction_session_timeout='60s';"
        // Every query here was written for an index in its order. Saying so keeps the planner from
        // scanning and sorting whole tables when its statistics are missing or young.
        "set enable_seqscan=off; set enable_sort=off; set jit=off;"
        // One plan for each statement: policies make planning dear, and with the settings above
        // the values would not change the plan.
        "set plan_cache_mode=force_generic_plan");
  } catch (const pqxx::sql_error&) {
    throw;
  } catch (const pqxx::failure& e) {
    lost(e.what());
  }
}

void connection::begin_wait() {
  if (!watch_) return;
  const auto slack = limit_.count() == 0 ? std::chrono::seconds(0) : watch_->answer_max();
  seat_.begin(limit_ + slack);
}

connection::waiting::waiting(connection& c) : c_(c) {
  if (c_.waits_ == 0) c_.begin_wait();
  ++c_.waits_;
}

connection::waiting::~waiting() {
  if (--c_.waits_ == 0 && c_.seat_.end()) c_.broken_ = true;
}

void connection::wait_anew() {
  if (seat_.end()) lost("cut between two statements");
  try {
    begin_wait();
  } catch (const core::store_unavailable&) {
    broken_ = true;  // in the midst of something, which nobody may wait to have undone
    throw;
  }
}

void connection::limit_statements(std::chrono::seconds limit) {
  exec("set statement_timeout=" + milliseconds_text(limit));
  limit_ = limit;
}

pqxx::result connection::exec(const std::string& sql) {
  return guarded([&] {
    for (int tries = 1;; ++tries) {
      try {
        pqxx::nontransaction t{*raw_};
        return t.exec(sql);
      } catch (const pqxx::transaction_rollback&) {
        if (tries == 3) throw;
      }
    }
  });
}

void connection::prepare(const statement& s) {
  if (prepared_.contains(s.name)) return;
  exec(std::string{"prepare "} + s.name + " as " + s.sql);
  prepared_.insert(s.name);
}

bool connection::hung_up() const {
  pollfd p{raw_->sock(), POLLIN, 0};
  return ::poll(&p, 1, 0) != 0;
}

void connection::lost(const std::string& why) {
  broken_ = true;
  // libpq's text may name sockets and hosts: for the log, not for clients.
  spdlog::debug("database connection lost: {}", why);
  throw core::store_unavailable("the database cannot be reached");
}

pool::pool(std::string conninfo, std::size_t size, std::chrono::milliseconds wait_max,
           std::shared_ptr<hang_watch> watch, std::chrono::seconds limit)
    : conninfo_(std::move(conninfo)),
      size_(size),
      wait_max_(wait_max),
      watch_(std::move(watch)),
      limit_(limit) {}

pool::lease pool::take() {
  if (watch_) watch_->check();
  std::unique_lock lock{mutex_};
  if (!freed_.wait_for(lock, wait_max_, [&] { return !idle_.empty() || out_ < size_; }))
    throw core::store_unavailable("all database connections are in use");
  ++out_;
  while (!idle_.empty()) {
    auto c = std::move(idle_.back());
    idle_.pop_back();
    if (!c->hung_up()) return lease{*this, std::move(c)};
  }
  lock.unlock();
  try {
    return lease{*this, std::make_unique<connection>(conninfo_, watch_, limit_)};
  } catch (...) {
    // Whatever it was, the place must be free again before the caller learns of it.
    lock.lock();
    --out_;
    freed_.notify_one();
    throw;
  }
}

void pool::give_back(std::unique_ptr<connection> c) {
  std::vector<std::unique_ptr<connection>> dropped;
  {
    std::lock_guard lock{mutex_};
    --out_;
    if (c->broken()) {
      // One lost connection usually means that all are: don't let each fail a request of its own.
      dropped.swap(idle_);
      dropped.push_back(std::move(c));
    } else {
      idle_.push_back(std::move(c));
    }
  }
  freed_.notify_one();
}

bool pool::answers() noexcept {
  try {
    take()->exec("select 1");
    return true;
  } catch (const std::exception& e) {
    spdlog::debug("database does not answer: {}", e.what());
    return false;
  }
}

}  // namespace samovar::storage
