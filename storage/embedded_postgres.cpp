#include "storage/embedded_postgres.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <pqxx/pqxx>
#include <vector>

#include "storage/bounded_log.hpp"
#include "storage/child_process.hpp"
#include "storage/migrations.hpp"

namespace samovar::storage {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

namespace {

constexpr auto start_retries = std::chrono::seconds(30);
constexpr auto stopping_patience = std::chrono::seconds(5);
constexpr auto recovery_max = std::chrono::seconds(300);
constexpr auto stop_max = std::chrono::seconds(15);
constexpr int poll_ms = 10;
constexpr int supervise_ms = 100;
constexpr unsigned log_look_rounds = 100;
constexpr std::uintmax_t log_bytes_max = 16 * 1024 * 1024;

struct pid_file {
  pid_t pid = 0;
  std::string status;  ///< "starting", "ready", "stopping"
};

std::optional<pid_file> read_pid_file(const fs::path& cluster) {
  std::ifstream in{cluster / "postmaster.pid"};
  if (!in) return std::nullopt;
  pid_file f;
  std::string line;
  for (int n = 1; std::getline(in, line); ++n) {
    if (n == 1) f.pid = static_cast<pid_t>(std::atol(line.c_str()));
    if (n == 8) f.status = line.substr(0, line.find_last_not_of(" \r\n") + 1);
  }
  return f;
}

// A zombie or a process that merely got the same number is not the cluster's server: that one runs
// a program named postgres with the cluster as its working directory.
bool serves_cluster(pid_t pid, const fs::path& cluster) {
  if (pid <= 1) return false;
  const auto proc = fs::path{"/proc"} / std::to_string(pid);
  std::ifstream in{proc / "stat"};
  std::string stat{std::istreambuf_iterator<char>{in}, {}};
  const auto end_of_name = stat.rfind(')');
  if (end_of_name == std::string::npos || end_of_name + 2 >= stat.size()) return false;
  const char state = stat[end_of_name + 2];
  if (state == 'Z' || state == 'X') return false;
  std::error_code ec;
  const auto folder = fs::read_symlink(proc / "cwd", ec);
  if (ec) return stat.find("(postgres)") != std::string::npos;
  return folder == cluster && stat.find("(postgres)") != std::string::npos;
}

// True while any process (a backend whose postmaster was killed) works in the cluster's folder.
bool anybody_in(const fs::path& cluster) {
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator("/proc", ec)) {
    std::error_code gone;
    if (fs::read_symlink(entry.path() / "cwd", gone) == cluster && !gone) return true;
  }
  return false;
}

int take_lock(const fs::path& data) {
  const int fd = ::open((data / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) throw cluster_error("The lock file in the data folder cannot be opened");
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    throw cluster_error("The data folder is in use by another Samovar server");
  }
  return fd;
}

void give_folder(const fs::path& folder, const std::optional<account>& to) {
  if (to && ::chown(folder.c_str(), to->uid, to->gid) != 0)
    throw cluster_error("The database's folder cannot be given to the account `postgres`");
}

std::vector<std::string> server_arguments(const cluster_paths& p) {
  std::vector<std::string> argv = {(p.programs / "postgres").string(), "-D", p.cluster.string()};
  auto set = [&](const std::string& assignment) {
    argv.push_back("-c");
    argv.push_back(assignment);
  };
  set("listen_addresses=");
  set("port=5432");
  set("unix_socket_directories=\"" + p.socket_folder.string() + "\"");
  set("unix_socket_permissions=0700");
  set("max_connections=40");
  set("shared_buffers=64MB");
  set("max_wal_size=512MB");
  set("checkpoint_timeout=15min");
  set("wal_level=minimal");
  set("max_wal_senders=0");
  set("jit=off");
  set("logging_collector=off");
  set("log_destination=stderr");
  set("log_timezone=UTC");
  set("timezone=UTC");
  set("log_checkpoints=off");
  set("log_min_messages=warning");
  set("log_min_error_statement=panic");  // statements carry users' data
  set("log_error_verbosity=terse");      // and so do the details of errors
  return argv;
}

}  // namespace

embedded_postgres::embedded_postgres(const fs::path& data_dir)
    : paths_(locate_cluster(data_dir)), lock_(take_lock(paths_.data)) {
  supervisor_ = std::thread([this] { supervise(); });
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [&] { return started_ || !failure_.empty(); });
  if (!started_) {
    const auto why = failure_;
    lock.unlock();
    stop();
    throw cluster_error(why);
  }
}

embedded_postgres::~embedded_postgres() { stop(); }

bool embedded_postgres::in_use(const fs::path& data_dir) {
  const int fd = ::open((data_dir / "lock").c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  const bool busy = ::flock(fd, LOCK_EX | LOCK_NB) != 0;
  ::close(fd);
  return busy;
}

void embedded_postgres::stop() {
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  if (supervisor_.joinable()) supervisor_.join();
  if (lock_ >= 0) ::close(std::exchange(lock_, -1));
}

// Sleeps unless stopped; true when it is time to stop.
bool embedded_postgres::pause(int ms) {
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, std::chrono::milliseconds(ms), [&] { return stopping_; });
}

void embedded_postgres::supervise() {
  try {
    create_folders(paths_);
    if (!fs::exists(paths_.cluster / "PG_VERSION")) init_cluster();
    start_cluster();
    prepare_database();
    std::lock_guard lock{mutex_};
    started_ = true;
  } catch (const std::exception& e) {
    shut_down();
    std::lock_guard lock{mutex_};
    failure_ = e.what();
  }
  changed_.notify_all();
  if (!failure_.empty()) return;
  for (unsigned round = 1; !pause(supervise_ms); ++round) {
    if (round % log_look_rounds == 0) bound_log(paths_.log, log_bytes_max);
    if (alive()) continue;
    postmaster_ = 0;
    spdlog::error("storage: PostgreSQL died; starting it again");
    try {
      start_cluster();
      ++restarts_;
    } catch (const std::exception& e) {
      spdlog::error("storage: {}", e.what());
      if (pause(1000)) break;
    }
  }
  shut_down();
}

void embedded_postgres::init_cluster() {
  spdlog::info("storage: creating the database cluster");
  // In a folder beside it first: a crash in the middle must not leave half a cluster.
  const fs::path fresh = paths_.cluster.string() + ".new";
  fs::remove_all(fresh);
  fs::create_directory(fresh);
  give_folder(fresh, paths_.run_as);
  child_options o;
  o.argv = {(paths_.programs / "initdb").string(),
            "-D",
            fresh.string(),
            "-U",
            "postgres",
            "--auth-local=trust",
            "--auth-host=reject",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--data-checksums",
            "--no-instructions"};
  o.run_as = paths_.run_as;
  o.log = paths_.log;
  if (const int rc = wait_child(start_child(o)); rc != 0)
    throw cluster_error("The database cluster cannot be created (initdb gave " +
                        std::to_string(rc) + "); see pg.log in the data folder");
  fs::remove_all(paths_.cluster);
  fs::rename(fresh, paths_.cluster);
}

void embedded_postgres::start_cluster() {
  bound_log(paths_.log, log_bytes_max);
  const auto begun = clock::now();
  bool hurried = false;
  do {
    if (try_adopt() || launch()) return;
    if (!hurried && clock::now() - begun >= stopping_patience) hurried = hurry_the_stopping();
  } while (clock::now() - begun < start_retries && !pause(200));
  if (const auto found = read_pid_file(paths_.cluster);
      found && serves_cluster(found->pid, paths_.cluster))
    throw cluster_error("PostgreSQL runs already (process " + std::to_string(found->pid) +
                        ") and does not answer; see pg.log in the data folder");
  throw cluster_error("PostgreSQL does not start; see pg.log in the data folder");
}

// A fast shutdown may last: it writes a checkpoint. And it may last for ever, since PostgreSQL 15
// waits for a checkpointer that it forgot to tell when the signal comes while it restarts after a
// backend's crash. An immediate shutdown ends both, and loses nothing that was committed.
bool embedded_postgres::hurry_the_stopping() {
  const auto found = read_pid_file(paths_.cluster);
  if (!found || found->status != "stopping" || !serves_cluster(found->pid, paths_.cluster))
    return false;
  spdlog::warn("storage: the last server's cluster doesn't finish stopping; it is made to");
  return ::kill(found->pid, SIGQUIT) == 0;
}

// A cluster that outlived its server is used again, once the dead server's connections are gone.
bool embedded_postgres::try_adopt() {
  const auto found = read_pid_file(paths_.cluster);
  if (!found || !serves_cluster(found->pid, paths_.cluster)) {
    // Left by a killed server. PostgreSQL would believe them while any process has that number; but
    // as long as orphaned backends live, the files are what keeps a second server off the data.
    if (found && ::kill(found->pid, 0) != 0 && errno == ESRCH) return false;
    if (anybody_in(paths_.cluster)) return false;
    std::error_code ec;
    fs::remove(paths_.cluster / "postmaster.pid", ec);
    fs::remove(paths_.socket_folder / ".s.PGSQL.5432.lock", ec);
    return false;
  }
  postmaster_ = found->pid;
  child_ = false;
  if (!wait_ready(false)) {
    postmaster_ = 0;
    return false;
  }
  try {
    pqxx::connection c{conninfo_for(paths_, "postgres", "postgres")};
    pqxx::nontransaction t{c};
    t.exec(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
        "where backend_type = 'client backend' and pid <> pg_backend_pid()");
  } catch (const pqxx::failure& e) {
    // It was on its way down after all.
    spdlog::info("storage: the surviving cluster can't be used: {}", e.what());
    postmaster_ = 0;
    return false;
  }
  spdlog::info("storage: using the cluster that outlived the last server");
  return true;
}

bool embedded_postgres::launch() {
  if (const auto found = read_pid_file(paths_.cluster);
      found && serves_cluster(found->pid, paths_.cluster))
    return false;  // still stopping: its files must be left alone
  child_options o;
  o.argv = server_arguments(paths_);
  o.run_as = paths_.run_as;
  o.log = paths_.log;
  o.death_signal = SIGINT;
  postmaster_ = start_child(o);
  child_ = true;
  if (wait_ready(true)) return true;
  if (postmaster_ != 0) shut_down();
  return false;
}

bool embedded_postgres::wait_ready(bool child) {
  const auto deadline = clock::now() + recovery_max;
  while (clock::now() < deadline) {
    if (!alive()) {
      if (child) postmaster_ = 0;
      return false;
    }
    const auto f = read_pid_file(paths_.cluster);
    if (f && f->pid == postmaster_.load()) {
      if (f->status == "ready") return true;
      if (f->status == "stopping") return false;
    }
    if (pause(poll_ms)) return false;
  }
  return false;
}

void embedded_postgres::prepare_database() {
  {
    pqxx::connection c{conninfo_for(paths_, "postgres", "postgres")};
    pqxx::nontransaction t{c};
    if (t.exec("select from pg_database where datname = 'samovar'").empty())
      t.exec("create database samovar");
  }
  pqxx::connection c{superuser_conninfo()};
  pqxx::work t{c};
  // What a newer program made is left exactly as it is, the roles' rights included.
  if (!t.exec("select to_regclass('public.schema_migrations')")[0][0].is_null())
    refuse_newer(t.exec("select coalesce(max(version), 0) from schema_migrations")[0][0].as<int>());
  t.exec(roles_sql);
  t.commit();
}

bool embedded_postgres::alive() {
  const pid_t pid = postmaster_.load();
  if (pid == 0) return false;
  if (child_) return ::waitpid(pid, nullptr, WNOHANG) == 0;
  return serves_cluster(pid, paths_.cluster);
}

void embedded_postgres::shut_down() {
  const pid_t pid = postmaster_.load();
  if (pid == 0) return;
  // Fast; then immediate; then by force.
  for (const int signal : {SIGINT, SIGQUIT, SIGKILL}) {
    ::kill(pid, signal);
    const auto deadline = clock::now() + stop_max;
    while (clock::now() < deadline) {
      if (!alive()) {
        postmaster_ = 0;
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(poll_ms));
    }
  }
}

}  // namespace samovar::storage
