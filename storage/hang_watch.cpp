#include "storage/hang_watch.hpp"

#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>

#include "core/ports.hpp"

namespace samovar::storage {

namespace {

using namespace std::chrono_literals;

constexpr auto look_every = 250ms;
/// A statement that is out for so long makes the watch ask for a sign of life, and ask again.
constexpr auto ask_after = 2s;
/// Ending a backend takes it milliseconds, unless it is stopped itself.
constexpr auto ending_max = 3s;
constexpr int endings_tried_max = 3;

using connection_ptr = std::unique_ptr<PGconn, void (*)(PGconn*)>;
using result_ptr = std::unique_ptr<PGresult, void (*)(PGresult*)>;

/// Runs one statement that gives a boolean; false also when there is no answer before the deadline.
/// Nobody watches the watch, so it waits on the socket itself.
bool ask(const std::string& conninfo, const std::string& sql,
         std::chrono::steady_clock::time_point deadline) {
  const connection_ptr c{PQconnectdb(conninfo.c_str()), &PQfinish};
  if (!c || PQstatus(c.get()) != CONNECTION_OK || PQsendQuery(c.get(), sql.c_str()) != 1)
    return false;
  while (PQisBusy(c.get()) != 0) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd p{PQsocket(c.get()), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&p, 1, static_cast<int>(left.count())) <= 0) return false;
    if (PQconsumeInput(c.get()) != 1) return false;
  }
  const result_ptr r{PQgetResult(c.get()), &PQclear};
  return r && PQresultStatus(r.get()) == PGRES_TUPLES_OK && PQntuples(r.get()) == 1 &&
         std::string_view{PQgetvalue(r.get(), 0, 0)} == "t";
}

}  // namespace

std::string with_timeouts(const std::string& conninfo, std::chrono::seconds answer_max) {
  const auto s = std::to_string(answer_max.count());
  std::map<std::string, std::string> parts = {
      {"connect_timeout", s},
      {"tcp_user_timeout", std::to_string(2000 * answer_max.count())},
      {"keepalives_idle", s},
      {"keepalives_interval", s},
      {"keepalives_count", "2"}};
  const std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> options{
      PQconninfoParse(conninfo.c_str(), nullptr), &PQconninfoFree};
  if (!options) throw core::store_unavailable("the database's address can't be understood");
  for (const auto* o = options.get(); o->keyword != nullptr; ++o)
    if (o->val != nullptr) parts[o->keyword] = o->val;
  std::string out;
  for (const auto& [key, value] : parts) {
    out += key + "='";
    for (const char c : value) {
      if (c == '\'' || c == '\\') out += '\\';
      out += c;
    }
    out += "' ";
  }
  return out;
}

hang_watch::hang_watch(std::string conninfo, std::chrono::seconds answer_max)
    // Whatever the conninfo has as its own: here this is what the waiting is about.
    : conninfo_(with_timeouts(conninfo, answer_max) +
                "connect_timeout=" + std::to_string(answer_max.count())),
      answer_max_(answer_max),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

hang_watch::~hang_watch() {
  thread_.request_stop();
  thread_.join();
}

void hang_watch::check() const {
  if (hangs_) throw core::store_unavailable("the database does not answer");
}

hang_watch::seat::seat(std::shared_ptr<hang_watch> owner) : owner_(std::move(owner)) {
  if (!owner_) return;
  const std::lock_guard lock(owner_->mutex_);
  owner_->seats_.insert(this);
}

hang_watch::seat::~seat() {
  if (!owner_) return;
  const std::lock_guard lock(owner_->mutex_);
  owner_->seats_.erase(this);
  if (socket_ >= 0) ::close(socket_);
}

bool hang_watch::seat::connected(int socket, int backend) {
  if (!owner_) return true;
  const std::lock_guard lock(owner_->mutex_);
  socket_ = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
  backend_ = backend;
  return socket_ >= 0;
}

void hang_watch::seat::begin(std::chrono::seconds limit) {
  if (!owner_) return;
  owner_->check();
  limit_ = std::chrono::duration_cast<clock::duration>(limit).count();
  since_ = clock::now().time_since_epoch().count();
}

bool hang_watch::seat::end() { return owner_ && since_.exchange(idle) == cut; }

bool hang_watch::pause(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, stop, look_every, [] { return false; });
  return !stop.stop_requested();
}

void hang_watch::run(const std::stop_token& stop) {
  auto asked = clock::now();
  while (pause(stop)) {
    const auto late = beyond_their_limit();
    const bool due = clock::now() - asked >= ask_after && anybody_waits(ask_after);
    if (late.empty() && !due) continue;
    asked = clock::now();
    if (!gives_a_sign()) {
      sit_out(stop);
    } else if (!late.empty()) {
      spdlog::warn("storage: PostgreSQL keeps statements beyond their time limit; cut off");
      end_backends(late, false);
      cut_those(true);
    }
  }
}

void hang_watch::sit_out(const std::stop_token& stop) {
  spdlog::error(
      "storage: PostgreSQL gave no sign of life for {} s; its connections are cut and requests get "
      "503 until it does",
      answer_max_.count());
  hangs_ = true;
  int endings = 0;
  do {
    cut_those(false);  // again each time: somebody may have begun just before
    if (!gives_a_sign()) continue;
    if (end_backends(cut_backends_, true)) break;
    if (++endings < endings_tried_max) continue;
    spdlog::warn("storage: not all connections that were cut could be ended at PostgreSQL's side");
    break;
  } while (pause(stop));
  cut_backends_.clear();
  if (stop.stop_requested()) return;
  hangs_ = false;
  spdlog::info("storage: PostgreSQL answers again");
}

// A new connection, as far as being let in or refused.
bool hang_watch::gives_a_sign() const {
  const auto said = PQping(conninfo_.c_str());
  return said == PQPING_OK || said == PQPING_REJECT;
}

bool hang_watch::anybody_waits(clock::duration for_so_long) {
  const auto limit = (clock::now() - for_so_long).time_since_epoch().count();
  const std::lock_guard lock(mutex_);
  for (const auto* s : seats_)
    if (const auto since = s->since_.load(); since > seat::idle && since <= limit) return true;
  return false;
}

std::vector<int> hang_watch::beyond_their_limit() {
  const auto now = clock::now().time_since_epoch().count();
  std::vector<int> found;
  const std::lock_guard lock(mutex_);
  for (const auto* s : seats_) {
    const auto since = s->since_.load(), limit = s->limit_.load();
    if (since > seat::idle && limit > 0 && now - since > limit && s->socket_ >= 0)
      found.push_back(s->backend_);
  }
  return found;
}

void hang_watch::cut_those(bool beyond_limit_only) {
  const auto now = clock::now().time_since_epoch().count();
  const std::lock_guard lock(mutex_);
  for (auto* s : seats_) {
    auto since = s->since_.load();
    const auto limit = s->limit_.load();
    if (since <= seat::idle || s->socket_ < 0) continue;  // connecting ends by connect_timeout
    if (beyond_limit_only && (limit == 0 || now - since <= limit)) continue;
    // Not one that was answered just now.
    if (!s->since_.compare_exchange_strong(since, seat::cut)) continue;
    ::shutdown(s->socket_, SHUT_RDWR);
    if (!beyond_limit_only) cut_backends_.push_back(s->backend_);
  }
}

// True when none of them is left. Only this role's can be ended, and only they are looked for.
bool hang_watch::end_backends(const std::vector<int>& backends, bool wait) const {
  if (backends.empty()) return true;
  std::string pids;
  for (const int pid : backends) pids += (pids.empty() ? "" : ",") + std::to_string(pid);
  const auto theirs =
      "from pg_stat_activity where usename = current_user and pid = any ('{" + pids + "}')";
  const auto deadline = clock::now() + ending_max;
  const auto end = "select coalesce(bool_and(pg_terminate_backend(pid)), true) " + theirs;
  if (!ask(conninfo_, end, deadline)) return false;
  while (wait && !ask(conninfo_, "select count(*) = 0 " + theirs, deadline)) {
    if (clock::now() > deadline) return false;
    std::this_thread::sleep_for(50ms);
  }
  return true;
}

}  // namespace samovar::storage
