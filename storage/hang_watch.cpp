#include "storage/hang_watch.hpp"

#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>

#include "core/ports.hpp"

namespace samovar::storage {

namespace {

using namespace std::chrono_literals;

constexpr auto look_every = 250ms;
/// A statement that is out for so long makes the watch ask for a sign of life, and ask again.
constexpr auto ask_after = 2s;
/// Ending a backend takes it milliseconds, unless it is stopped itself.
constexpr auto ending_max = 3s;
/// For so long after a hang everybody waits until what was cut has ended. PostgreSQL may be
/// starting up, and then lets nobody in who could end it.
constexpr auto endings_max = 10s;

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
    const bool late = anybody_is_late();
    const bool due = clock::now() - asked >= ask_after && anybody_waits(ask_after);
    if (!late && !due && unended_.empty()) continue;
    asked = clock::now();
    if (gives_a_sign_in_time(stop))
      cut_the_late();
    else if (!stop.stop_requested())
      sit_out(stop);
  }
}

// First a backend is told to end, then its connection is cut. What could not be told so before is
// tried again.
void hang_watch::cut_the_late() {
  const bool cut = claim(true) > 0;
  if (cut) spdlog::warn("storage: PostgreSQL keeps statements beyond their time limit; cut off");
  if (end_backends(false))
    unended_.clear();
  else if (cut)
    spdlog::warn("storage: the backends of those statements can't be ended yet; tried again");
  shut_the_claimed();
}

void hang_watch::sit_out(const std::stop_token& stop) {
  spdlog::error(
      "storage: PostgreSQL gave no sign of life for {} s; its connections are cut and requests get "
      "503 until it does",
      answer_max_.count());
  hangs_ = true;
  std::optional<clock::time_point> first_sign;
  do {
    claim(false);  // again each time: somebody may have begun just before
    shut_the_claimed();
    if (!gives_a_sign(answer_max_)) continue;
    if (end_backends(true)) {
      unended_.clear();
      break;
    }
    if (!first_sign) first_sign = clock::now();
    if (clock::now() - *first_sign < endings_max) continue;
    spdlog::warn(
        "storage: not all connections that were cut could be ended at PostgreSQL's side; tried "
        "again");
    break;
  } while (pause(stop));
  if (stop.stop_requested()) return;
  hangs_ = false;
  spdlog::info("storage: PostgreSQL answers again");
}

// A new connection, as far as being let in or refused.
bool hang_watch::gives_a_sign(std::chrono::seconds wait_max) const {
  const auto timeout = " connect_timeout=" + std::to_string(wait_max.count());
  const auto said = PQping((conninfo_ + timeout).c_str());
  return said == PQPING_OK || said == PQPING_REJECT;
}

// No answer may also come at once, and mean little: a server that starts again, a name that can't
// be resolved just now, no descriptor left in this process. Only silence that lasts is a hang.
bool hang_watch::gives_a_sign_in_time(const std::stop_token& stop) {
  const auto until = clock::now() + answer_max_;
  do {
    if (gives_a_sign(std::chrono::ceil<std::chrono::seconds>(until - clock::now()))) return true;
    // libpq counts whole seconds, and gives up to one of them too few.
  } while (clock::now() + 1s < until && pause(stop));
  return false;
}

bool hang_watch::anybody_waits(clock::duration for_so_long) {
  const auto limit = (clock::now() - for_so_long).time_since_epoch().count();
  const std::lock_guard lock(mutex_);
  for (const auto* s : seats_)
    if (const auto since = s->since_.load(); since > seat::idle && since <= limit) return true;
  return false;
}

bool hang_watch::anybody_is_late() {
  const auto now = clock::now().time_since_epoch().count();
  const std::lock_guard lock(mutex_);
  return std::any_of(seats_.begin(), seats_.end(),
                     [&](const auto* s) { return s->is_late(s->since_.load(), now); });
}

bool hang_watch::seat::is_late(std::int64_t since, std::int64_t now) const {
  const auto limit = limit_.load();
  return since > idle && limit > 0 && now - since > limit && socket_ >= 0;
}

// Takes the waits from their owners; only of one that is taken may the backend be ended. One that
// was answered just now, or waits for something new by now, has another `since_` and stays.
std::size_t hang_watch::claim(bool late_only) {
  const auto now = clock::now().time_since_epoch().count();
  std::size_t claimed = 0;
  const std::lock_guard lock(mutex_);
  for (auto* s : seats_) {
    auto since = s->since_.load();
    if (since <= seat::idle || s->socket_ < 0) continue;  // connecting ends by connect_timeout
    if (late_only && !s->is_late(since, now)) continue;
    if (!s->since_.compare_exchange_strong(since, seat::cut)) continue;
    unended_.push_back(s->backend_);
    ++claimed;
  }
  return claimed;
}

void hang_watch::shut_the_claimed() {
  const std::lock_guard lock(mutex_);
  for (const auto* s : seats_)
    if (s->since_ == seat::cut) ::shutdown(s->socket_, SHUT_RDWR);
}

// True when none of them is left, or, without `wait`, each has its signal. Only this role's can be
// ended, and only they are looked for.
bool hang_watch::end_backends(bool wait) const {
  if (unended_.empty()) return true;
  std::string pids;
  for (const int pid : unended_) pids += (pids.empty() ? "" : ",") + std::to_string(pid);
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
