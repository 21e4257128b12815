// The database as its cluster's superuser, and PostgreSQL's own tools on it: for backups.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/database.hpp"

namespace samovar::storage {

struct superuser_database {
  std::unique_ptr<embedded_postgres> embedded;  ///< when it had to be started for this
  std::string conninfo;
};

/// The embedded cluster of the data directory, beside a running server or started; with
/// options.url, `superuser_url`. Throws cluster_error: no such data, or a role that row-level
/// security binds (it would see nothing).
superuser_database open_as_superuser(const database_options& options,
                                     const std::string& superuser_url);

/// Starts pg_dump, pg_restore and the like with the connection's settings in its environment, so
/// that no password is on a command line. Its output is appended to `log`.
pid_t start_postgres_tool(const std::string& name, std::vector<std::string> arguments,
                          const std::string& conninfo, const std::filesystem::path& log);

/// The last thing the tool said.
std::string last_line_of(const std::filesystem::path& log);

}  // namespace samovar::storage
