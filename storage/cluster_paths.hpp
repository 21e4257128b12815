// Where the embedded cluster lives, and as whom its programs run.
//
// Normally everything is in the data folder: `pg` (the cluster) and `pg-socket`. PostgreSQL refuses
// to run as root, so as root both belong to the system account `postgres`. Two things can be in the
// way, and each has a fallback:
//  - the account can't reach the data folder (/root is 0700): the cluster goes to
//    /var/lib/samovar/<hash of the data folder>-<random>, and `<data>/pg.location` says so (remove
//    both to start anew);
//  - the socket's path would exceed 107 bytes: the socket goes to /run/samovar-<hash> or, where
//  /run
//    isn't ours to write, /tmp/samovar-<uid>-<hash>.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>

namespace samovar::storage {

/// The embedded cluster can't be started; one sentence for the operator.
struct cluster_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The account the cluster's programs run as, when it isn't our own.
struct account {
  uid_t uid = 0;
  gid_t gid = 0;
};

struct cluster_paths {
  std::filesystem::path programs;  ///< folder with postgres and initdb
  std::filesystem::path data;      ///< absolute
  std::filesystem::path cluster;
  std::filesystem::path socket_folder;
  std::filesystem::path log;  ///< what the programs print
  std::optional<account> run_as;
};

/// Computes the paths and creates `data_dir`; nothing else is created. Throws cluster_error when
/// PostgreSQL's programs or (as root) the account `postgres` are missing.
cluster_paths locate_cluster(const std::filesystem::path& data_dir);

/// Creates the socket folder (0700, owned by run_as) and the folder above the cluster. Refuses a
/// socket folder that belongs to somebody else.
void create_folders(const cluster_paths& paths);

/// "host=… dbname=… user=…" for libpq.
std::string conninfo_for(const cluster_paths& paths, const std::string& role,
                         const std::string& database = "samovar");

}  // namespace samovar::storage
