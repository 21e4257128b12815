#include "storage/restore.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <pqxx/pqxx>
#include <set>

#include "storage/blob_folder.hpp"
#include "storage/child_process.hpp"
#include "storage/migrations.hpp"
#include "storage/superuser.hpp"

namespace samovar::storage {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t text_member_bytes_max = 4ULL * 1024 * 1024 * 1024;

backup_error system_failure(const std::string& what) {
  return backup_error(what + ": " + std::strerror(errno));
}

/// One file being written; the data are brought to the disk later, all together.
class plain_file {
 public:
  explicit plain_file(const fs::path& path)
      : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600)) {
    if (fd_ < 0) throw system_failure("a file can't be made in the data directory");
  }
  ~plain_file() { ::close(fd_); }
  plain_file(const plain_file&) = delete;
  plain_file& operator=(const plain_file&) = delete;
  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) throw system_failure("the data directory can't be written");
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  void sync() {
    if (::fsync(fd_) != 0) throw system_failure("the data directory can't be written");
  }

 private:
  int fd_;
};

/// Everything on the directory's file system.
void sync_all(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool ok = fd >= 0 && ::syncfs(fd) == 0;
  if (fd >= 0) ::close(fd);
  if (!ok) throw system_failure("the data directory can't be brought to the disk");
}

void claim_directory(const fs::path& data) {
  if (fs::exists(data / restoring_marker)) {
    if (embedded_postgres::in_use(data))
      throw backup_error("another restore works in " + data.string());
    return;
  }
  if (fs::exists(data)) {
    if (!fs::is_directory(data)) throw backup_error(data.string() + " is not a directory");
    for (const auto& entry : fs::directory_iterator(data))
      if (entry.path().filename() != "lost+found")
        throw backup_error(data.string() + " is not empty: restore into an empty directory");
  } else {
    fs::create_directories(data);
    // As locate_cluster would: the database's own account may have to pass through.
    ::chmod(data.c_str(), ::geteuid() == 0 ? 0711 : 0700);
  }
  plain_file marker{data / restoring_marker};
  marker.write("samovar restore works here\n");
  marker.sync();
  sync_all(data);
}

/// Writes what the digests list, and compares it with them once more.
void extract(const fs::path& file, const checked_backup& checked, const fs::path& data,
             const fs::path& dump) {
  std::set<fs::path> folders;
  std::unique_ptr<plain_file> out;
  std::unique_ptr<running_digest> digest;
  read_backup(
      file,
      [&](const std::string& name, std::uint64_t) -> backup_sink {
        out.reset();
        if (!checked.sums.contains(name)) return {};
        auto path = dump;
        if (name != backup_dump_member) {
          path = data / "blobs" / name.substr(backup_blob_prefix.size());
          if (folders.insert(path.parent_path()).second) fs::create_directories(path.parent_path());
        }
        out = std::make_unique<plain_file>(path);
        digest = std::make_unique<running_digest>();
        return [&](std::string_view bytes) {
          out->write(bytes);
          digest->add(bytes);
        };
      },
      [&](const std::string& name) {
        if (out && digest->hex() != checked.sums.at(name))
          throw backup_error("the backup changed while it was being restored");
        out.reset();
      });
}

void refuse_filled(const std::string& conninfo) {
  pqxx::connection c{conninfo};
  pqxx::nontransaction t{c};
  if (t.exec("select count(*) from pg_class where relnamespace = 'public'::regnamespace")[0][0]
          .as<int>() > 0)
    throw backup_error("the database is not empty: drop it and create it anew");
}

/// Roles and nothing else. The embedded cluster's database may hold what an interrupted restore
/// left; a given one never does, since its rows come in one transaction.
void prepare_empty(const superuser_database& db) {
  if (db.embedded) {
    pqxx::connection c{conninfo_for(db.embedded->paths(), "postgres", "postgres")};
    pqxx::nontransaction t{c};
    t.exec("drop database if exists samovar with (force)");
    t.exec("create database samovar");
  }
  pqxx::connection c{db.conninfo};
  pqxx::work t{c};
  t.exec(roles_sql);
  t.commit();
}

void load_rows(const std::string& conninfo, const fs::path& dump, const fs::path& log) {
  const auto database = [&] {
    pqxx::connection c{conninfo};
    return std::string{c.dbname()};
  }();
  const auto pid = start_postgres_tool("pg_restore",
                                       {"--exit-on-error", "--single-transaction", "--no-password",
                                        "--dbname=" + database, dump.string()},
                                       conninfo, log);
  if (wait_child(pid) != 0) throw backup_error("pg_restore failed: " + last_line_of(log));
  pqxx::connection c{conninfo};
  pqxx::nontransaction{c}.exec("analyze");
}

/// Rows as the manifest counts them; every row's original is there, and every original has a row.
void compare(const std::string& conninfo, const checked_backup& checked, const fs::path& data) {
  pqxx::connection c{conninfo};
  pqxx::work t{c};
  for (const auto& [table, rows] : checked.manifest.rows) {
    const auto found = t.exec("select count(*) from " + t.quote_name(table))[0][0];
    if (found.as<std::int64_t>() != rows)
      throw backup_error("the restored table " + table + " has " + found.c_str() +
                         " rows instead of " + std::to_string(rows));
  }
  std::set<std::string> named;
  for (const auto& r : t.exec("select blob_path from images where byte_size > 0"))
    named.insert(r[0].c_str());
  for (const auto& path : checked.manifest.missing) named.erase(path);
  std::uint64_t files = 0;
  if (fs::exists(data / "blobs" / "users"))
    for (const auto& entry : fs::recursive_directory_iterator(data / "blobs" / "users")) {
      if (!entry.is_regular_file()) continue;
      ++files;
      if (named.erase(entry.path().lexically_relative(data / "blobs").string()) != 1)
        throw backup_error("a restored image file has no row: " + entry.path().string());
    }
  if (!named.empty()) throw backup_error("a restored row has no image file: " + *named.begin());
  if (files != checked.manifest.blobs) throw backup_error("the restored image files are not all");
}

}  // namespace

checked_backup check_backup(const fs::path& file) {
  checked_backup out;
  std::map<std::string, std::string> found;
  std::string manifest, sums;
  std::unique_ptr<running_digest> digest;
  read_backup(
      file,
      [&](const std::string& name, std::uint64_t size) -> backup_sink {
        digest = std::make_unique<running_digest>();
        std::string* text = name == backup_manifest_member ? &manifest
                            : name == backup_sums_member   ? &sums
                                                           : nullptr;
        if (text != nullptr && size > text_member_bytes_max)
          throw backup_error("the backup's lists are too long");
        return [&, text](std::string_view bytes) {
          digest->add(bytes);
          if (text != nullptr) text->append(bytes);
        };
      },
      [&](const std::string& name) { found[name] = digest->hex(); });
  out.manifest = read_manifest(manifest);
  out.sums = read_sums(sums);
  if (found[backup_sums_member] != out.manifest.sums_sha256 ||
      !out.sums.contains(backup_dump_member))
    throw backup_error("the backup's parts don't belong together");
  for (const auto& [name, sum] : out.sums) {
    const auto at = found.find(name);
    if (at == found.end() || at->second != sum)
      throw backup_error("the backup's parts don't belong together: " + name);
    if (name != backup_dump_member &&
        (!name.starts_with(backup_blob_prefix) ||
         !blob_folder::valid_key(std::string_view{name}.substr(backup_blob_prefix.size()))))
      throw backup_error("the backup has a part of an unknown kind: " + name);
  }
  refuse_newer(out.manifest.schema);
  return out;
}

backup_manifest restore_backup(const fs::path& file, const database_options& options,
                               const std::string& superuser_url) {
  const auto checked = check_backup(file);
  superuser_database db;
  if (!options.url.empty()) {
    db = open_as_superuser(options, superuser_url);
    refuse_filled(db.conninfo);
  }
  claim_directory(options.data_dir);
  const auto data = fs::canonical(options.data_dir);
  if (options.url.empty()) {
    db.embedded = std::make_unique<embedded_postgres>(data);
    db.conninfo = db.embedded->superuser_conninfo();
  }
  const auto dump = data / "restoring.dump", log = data / "restoring.log";
  try {
    fs::remove_all(data / "blobs");
    fs::remove(log);
    prepare_empty(db);
    extract(file, checked, data, dump);
    load_rows(db.conninfo, dump, log);
    compare(db.conninfo, checked, data);
  } catch (const pqxx::failure& e) {
    throw backup_error(std::string{"the database can't be filled: "} + e.what());
  }
  if (db.embedded) db.embedded->stop();
  fs::remove(dump);
  fs::remove(log);
  if (fs::exists(data / "blobs")) ::chmod((data / "blobs").c_str(), 0700);
  sync_all(data);
  fs::remove(data / restoring_marker);
  sync_all(data);
  return checked.manifest;
}

}  // namespace samovar::storage
