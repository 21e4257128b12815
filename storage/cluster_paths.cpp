#include "storage/cluster_paths.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <vector>

namespace samovar::storage {

namespace fs = std::filesystem;

namespace {

// "/.s.PGSQL.5432" behind the folder, at most 107 bytes in all (sockaddr_un, unix(7)).
constexpr std::size_t socket_folder_bytes_max = 107 - 14;

bool runnable(const fs::path& program) { return ::access(program.c_str(), X_OK) == 0; }

fs::path find_programs() {
  std::vector<std::pair<int, fs::path>> found;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", ec)) {
    const auto bin = entry.path() / "bin";
    if (runnable(bin / "postgres") && runnable(bin / "initdb"))
      found.emplace_back(std::atoi(entry.path().filename().c_str()), bin);
  }
  if (!found.empty()) return std::max_element(found.begin(), found.end())->second;
  const char* path = std::getenv("PATH");
  std::istringstream folders{path ? path : ""};
  for (std::string folder; std::getline(folders, folder, ':');)
    if (!folder.empty() && runnable(fs::path{folder} / "postgres") &&
        runnable(fs::path{folder} / "initdb"))
      return folder;
  throw cluster_error(
      "PostgreSQL's server programs were not found: install the package `postgresql`, or set "
      "database.url to an existing server");
}

std::optional<account> find_account() {
  if (::geteuid() != 0) return std::nullopt;
  const passwd* p = ::getpwnam("postgres");
  if (p == nullptr)
    throw cluster_error(
        "PostgreSQL does not run as root and there is no account `postgres`: install the package "
        "`postgresql`, or run the server as another user");
  return account{p->pw_uid, p->pw_gid};
}

bool may_traverse(const fs::path& folder, const account& who) {
  struct stat s {};
  if (::stat(folder.c_str(), &s) != 0) return false;
  if (s.st_uid == who.uid) return (s.st_mode & S_IXUSR) != 0;
  if (s.st_gid == who.gid) return (s.st_mode & S_IXGRP) != 0;
  return (s.st_mode & S_IXOTH) != 0;
}

bool may_reach(const fs::path& folder, const account& who) {
  for (fs::path at = folder;; at = at.parent_path()) {
    if (!may_traverse(at, who)) return false;
    if (at == at.root_path()) return true;
  }
}

// FNV-1a of the path: a short name that stays the same from start to start.
std::string hash_of(const fs::path& path) {
  std::uint64_t h = 14695981039346656037ULL;
  for (unsigned char c : path.string()) h = (h ^ c) * 1099511628211ULL;
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(h));
  return text;
}

// An empty pointer after a power loss would send the next start to a new, empty cluster.
void write_durably(const fs::path& file, const std::string& text) {
  const auto temporary = file.string() + ".new";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool ok = fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
            ::fsync(fd) == 0;
  if (fd >= 0) ok = ::close(fd) == 0 && ok;
  ok = ok && ::rename(temporary.c_str(), file.c_str()) == 0;
  const int folder = ok ? ::open(file.parent_path().c_str(), O_RDONLY | O_CLOEXEC) : -1;
  ok = ok && folder >= 0 && ::fsync(folder) == 0;
  if (folder >= 0) ::close(folder);
  if (!ok) throw cluster_error("the data folder can't be written: " + file.string());
}

fs::path choose_cluster(const fs::path& data, const std::optional<account>& run_as) {
  const auto pointer = data / "pg.location";
  if (std::ifstream in{pointer}; in) {
    std::string line;
    if (std::getline(in, line) && line.starts_with('/')) return line;
  }
  const auto usual = data / "pg";
  if (!run_as || may_reach(data, *run_as)) return usual;
  // With a random part: a data folder made anew at the same place must not find its forerunner's
  // database.
  char fresh[9];
  std::snprintf(fresh, sizeof fresh, "%08x", std::random_device{}());
  const fs::path elsewhere = fs::path{"/var/lib/samovar"} / (hash_of(data) + "-" + fresh) / "pg";
  write_durably(pointer, elsewhere.string() + "\n");
  return elsewhere;
}

fs::path choose_socket_folder(const fs::path& data, const fs::path& cluster) {
  const auto usual = cluster.parent_path() / "pg-socket";
  if (usual.string().size() <= socket_folder_bytes_max) return usual;
  if (::geteuid() == 0) return "/run/samovar-" + hash_of(data);
  return "/tmp/samovar-" + std::to_string(::geteuid()) + "-" + hash_of(data);
}

}  // namespace

cluster_paths locate_cluster(const fs::path& data_dir) {
  cluster_paths p;
  p.programs = find_programs();
  p.run_as = find_account();
  std::error_code ec;
  const bool created = fs::create_directories(data_dir, ec);
  if (ec) throw cluster_error("The data folder cannot be created: " + ec.message());
  p.data = fs::canonical(data_dir);
  // Others may pass through to `pg`, but not list: what is private has its own mode.
  if (created) ::chmod(p.data.c_str(), p.run_as ? 0711 : 0700);
  p.cluster = choose_cluster(p.data, p.run_as);
  p.socket_folder = choose_socket_folder(p.data, p.cluster);
  p.log = p.data / "pg.log";
  return p;
}

void create_folders(const cluster_paths& paths) {
  std::error_code ec;
  fs::create_directories(paths.cluster.parent_path(), ec);
  if (ec) throw cluster_error("The folder for the database cannot be created: " + ec.message());
  const char* folder = paths.socket_folder.c_str();
  if (::mkdir(folder, 0700) == 0) {
    if (paths.run_as && ::chown(folder, paths.run_as->uid, paths.run_as->gid) != 0)
      throw cluster_error("The socket folder cannot be given to the account `postgres`");
  } else if (errno != EEXIST) {
    throw cluster_error("The socket folder cannot be created");
  }
  struct stat s {};
  const uid_t owner = paths.run_as ? paths.run_as->uid : ::geteuid();
  // In /tmp anybody could have made it before us.
  if (::lstat(folder, &s) != 0 || !S_ISDIR(s.st_mode) || s.st_uid != owner)
    throw cluster_error("The socket folder exists already and belongs to somebody else");
  ::chmod(folder, 0700);
}

std::string conninfo_for(const cluster_paths& paths, const std::string& role,
                         const std::string& database) {
  std::string host;
  for (char c : paths.socket_folder.string()) {
    if (c == '\'' || c == '\\') host += '\\';
    host += c;
  }
  return "host='" + host + "' port=5432 dbname=" + database + " user=" + role +
         " connect_timeout=5 application_name=samovar";
}

}  // namespace samovar::storage
