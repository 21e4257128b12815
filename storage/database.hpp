// Opening the database: embedded or given, migrated, with a pool for the repositories.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "storage/embedded_postgres.hpp"
#include "storage/pool.hpp"

namespace samovar::storage {

struct database_options {
  std::filesystem::path data_dir;
  std::string url;  ///< login samovar_app; empty: the embedded cluster
  std::string
      owner_url;  ///< login samovar_owner; empty with url: no migration, versions must match
  std::size_t pool_size = 10;  ///< 1..30
  std::chrono::milliseconds pool_wait{5000};
  bool may_migrate = true;             ///< false: the versions must match, nothing is changed
  std::chrono::seconds answer_max{8};  ///< silent for so long, the database hangs; >= 2
  std::chrono::seconds limit = statement_max;  ///< of one statement
};

struct database {
  std::unique_ptr<embedded_postgres> embedded;  ///< null with a url
  std::string app_conninfo;                     ///< for postgres_job_log
  std::string owner_conninfo;                   ///< empty when not known
  std::shared_ptr<hang_watch> watch;            ///< for every connection to it
  std::unique_ptr<pool> connections;            ///< destroyed before the cluster stops
};

/// In the data directory while `samovar restore` works there: what is there is not whole.
inline constexpr const char* restoring_marker = "restoring";

/// Ready to serve when it returns. Throws cluster_error or migration_error (a sentence for the
/// operator), or core::store_unavailable when a given server can't be reached.
database open_database(const database_options& options);

/// Like open_database, but beside a running server of the same data folder: then its socket is used
/// and nothing is started. For command-line tools.
database open_database_beside(const database_options& options);

}  // namespace samovar::storage
