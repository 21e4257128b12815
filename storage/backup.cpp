#include "storage/backup.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <pqxx/pqxx>
#include <set>
#include <thread>

#include "storage/blob_hold.hpp"
#include "storage/child_process.hpp"
#include "storage/migrations.hpp"
#include "storage/write_pause.hpp"

namespace samovar::storage {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

namespace {

constexpr int rounds_max = 10;
constexpr std::size_t round_small_enough = 20;  // originals; the next are copied in the pause
constexpr std::uint64_t unsynced_in_pause_max = 64 * 1024 * 1024;
constexpr auto poll = std::chrono::milliseconds(5);

struct original {
  std::string path, sha256;
  std::uint64_t bytes = 0;
};

/// A connection that may idle in its transaction for as long as it takes.
std::unique_ptr<pqxx::connection> patient_connection(const std::string& conninfo) {
  auto c = std::make_unique<pqxx::connection>(conninfo);
  pqxx::nontransaction t{*c};
  t.exec("set statement_timeout=0; set lock_timeout=0; set idle_in_transaction_session_timeout=0");
  return c;
}

core::timestamp wall_clock() {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

// Images taken over without pixels have no bytes and no file.
std::vector<original> originals_of(pqxx::transaction_base& t) {
  std::vector<original> out;
  for (const auto& r :
       t.exec("select blob_path, sha256, byte_size from images where byte_size > 0"))
    out.push_back({r[0].c_str(), r[1].c_str(), r[2].as<std::uint64_t>()});
  return out;
}

class backup_run {
 public:
  backup_run(const superuser_database& db, core::blob_store& blobs, const fs::path& file)
      : db_(db),
        blobs_(blobs),
        partial_(file.string() + ".partial"),
        dump_(file.string() + ".partial.dump"),
        log_(file.string() + ".partial.log"),
        hold_(patient_connection(db.conninfo)),
        out_(partial_) {
    pqxx::nontransaction t{*hold_};
    t.exec(hold_blobs_sql);
  }

  ~backup_run() {
    std::error_code ec;
    for (const auto& left : {dump_, log_, partial_})
      if (!left.empty()) fs::remove(left, ec);
  }
  backup_run(const backup_run&) = delete;
  backup_run& operator=(const backup_run&) = delete;

  backup_report run(const fs::path& file, const std::string& program_version) {
    const auto began = clock::now();
    check_schema();
    rounds();
    snapshot_at_ = wall_clock();
    write_pause pause(db_.conninfo);
    pause_ = &pause;
    const auto reading = patient_connection(db_.conninfo);
    pqxx::transaction<pqxx::repeatable_read, pqxx::read_only> snapshot{*reading};
    dump(snapshot.exec("select pg_export_snapshot()")[0][0].c_str());
    const auto wanted = originals_of(snapshot);
    for (const auto& o : wanted) copy(o);
    list(wanted);
    count_rows(snapshot);
    add_dump();
    finish(file, program_version);
    pause.end();
    backup_report r;
    r.manifest = manifest_;
    r.bytes = out_.bytes();
    r.holds_until = pause.until().value_or(snapshot_at_);
    r.took = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - began);
    r.paused = pause.lasted();
    return r;
  }

 private:
  void check_schema() {
    pqxx::nontransaction t{*hold_};
    if (t.exec("select to_regclass('public.schema_migrations')")[0][0].is_null())
      throw backup_error("the database has no Samovar tables");
    manifest_.schema =
        t.exec("select coalesce(max(version), 0) from schema_migrations")[0][0].as<int>();
    refuse_newer(manifest_.schema);
    manifest_.postgresql = t.exec("show server_version")[0][0].c_str();
  }

  // While people work: what is copied now need not be copied in the pause.
  void rounds() {
    for (int i = 0; i < rounds_max; ++i) {
      std::vector<original> now;
      {
        pqxx::nontransaction t{*hold_};
        now = originals_of(t);
      }
      const auto before = sums_.size() + missing_.size();
      for (const auto& o : now) copy(o);
      if (sums_.size() + missing_.size() - before <= round_small_enough) break;
    }
    out_.sync();
  }

  void mind_the_pause() {
    if (pause_ != nullptr) pause_->end_when_due();
  }

  void copy(const original& o) {
    mind_the_pause();
    const auto name = std::string{backup_blob_prefix} + o.path;
    if (sums_.contains(name) || missing_.contains(o.path)) return;
    const auto size = blobs_.size_of(o.path);
    if (!size || *size != o.bytes) {
      missing_.insert(o.path);
      return;
    }
    const auto sum = out_.add(name, *size, [&](std::uint64_t offset, std::size_t count) {
      mind_the_pause();
      return blobs_.read_range(o.path, offset, count).value_or("");
    });
    if (sum == o.sha256)
      sums_.emplace(name, sum);
    else
      missing_.insert(o.path);  // damaged: it would be of no use
  }

  void dump(const std::string& snapshot) {
    fs::remove(log_);
    const auto pid = start_postgres_tool(
        "pg_dump",
        {"--format=custom", "--snapshot=" + snapshot, "--no-password", "--file=" + dump_.string()},
        db_.conninfo, log_);
    int status = 0;
    for (;;) {
      const auto ended = ::waitpid(pid, &status, WNOHANG);
      if (ended == pid) break;
      if (ended < 0 && errno != EINTR) throw backup_error("pg_dump was lost");
      mind_the_pause();
      std::this_thread::sleep_for(poll);
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
      throw backup_error("pg_dump failed: " + last_line_of(log_));
  }

  // Only what the snapshot names; the rest of what the rounds copied is gone from the database.
  void list(const std::vector<original>& wanted) {
    for (const auto& o : wanted) {
      const auto name = std::string{backup_blob_prefix} + o.path;
      if (const auto at = sums_.find(name); at != sums_.end()) {
        listed_.insert(*at);
        ++manifest_.blobs;
        manifest_.blob_bytes += o.bytes;
      } else {
        manifest_.missing.push_back(o.path);
      }
    }
  }

  void count_rows(pqxx::transaction_base& t) {
    for (const auto& row : t.exec("select relname, quote_ident(relname) from pg_class where "
                                  "relkind = 'r' and relnamespace = 'public'::regnamespace")) {
      mind_the_pause();
      manifest_.rows[row[0].c_str()] =
          t.exec(std::string{"select count(*) from "} + row[1].c_str())[0][0].as<std::int64_t>();
    }
  }

  void add_dump() {
    std::ifstream in{dump_, std::ios::binary};
    const auto size = fs::file_size(dump_);
    listed_[backup_dump_member] =
        out_.add(backup_dump_member, size, [&](std::uint64_t, std::size_t count) {
          mind_the_pause();
          std::string piece(count, '\0');
          in.read(piece.data(), static_cast<std::streamsize>(count));
          piece.resize(static_cast<std::size_t>(in.gcount()));
          return piece;
        });
  }

  void finish(const fs::path& file, const std::string& program_version) {
    const auto sums = sums_text(listed_);
    manifest_.sums_sha256 = out_.add(backup_sums_member, sums);
    manifest_.program = program_version;
    mind_the_pause();
    if (out_.unsynced() > unsynced_in_pause_max) pause_->end();
    // Writes stay out a little longer than is said here, while the file is brought to the disk.
    manifest_.holds_until =
        core::to_rfc3339(pause_->held() ? wall_clock() : pause_->until().value_or(snapshot_at_));
    out_.add(backup_manifest_member, manifest_text(manifest_));
    out_.finish();
    // A link never replaces a file; where there are none, a name that has come up since is lost.
    if (::link(partial_.c_str(), file.c_str()) != 0 &&
        (errno == EEXIST || ::rename(partial_.c_str(), file.c_str()) != 0))
      throw backup_error("the backup can't get its name: " + std::string{std::strerror(errno)});
    const auto folder = file.parent_path().empty() ? fs::path{"."} : file.parent_path();
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || ::fsync(fd) != 0) {
      if (fd >= 0) ::close(fd);
      throw backup_error("the backup's folder can't be brought to the disk");
    }
    ::close(fd);
  }

  const superuser_database& db_;
  core::blob_store& blobs_;
  fs::path partial_, dump_, log_;
  std::unique_ptr<pqxx::connection> hold_;
  backup_writer out_;
  write_pause* pause_ = nullptr;
  core::timestamp snapshot_at_{};
  backup_manifest manifest_;
  backup_sums sums_, listed_;
  std::set<std::string> missing_;
};

}  // namespace

backup_report make_backup(const superuser_database& db, core::blob_store& blobs,
                          const fs::path& file, const std::string& program_version) {
  if (fs::exists(fs::symlink_status(file))) throw backup_error(file.string() + " exists already");
  const auto absolute = fs::absolute(file);  // pg_dump works in another folder
  try {
    return backup_run(db, blobs, absolute).run(absolute, program_version);
  } catch (const pqxx::broken_connection& e) {
    throw backup_error(std::string{"the database can't be reached: "} + e.what());
  } catch (const pqxx::sql_error& e) {
    throw backup_error(std::string{"the database can't be read: "} + e.what());
  }
}

}  // namespace samovar::storage
