// Migrations: numbered SQL, compiled in, applied once in order under an advisory lock.
#pragma once

#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace samovar::storage {

class hang_watch;

struct migration {
  int version;
  const char* name;
  const char* sql;
};

/// What is in storage/migrations, in order of version.
const std::vector<migration>& embedded_migrations();
/// Roles and schema rights; run by a superuser, may be run again.
extern const char* const roles_sql;

/// One sentence for the operator.
struct migration_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Brings the database at `owner_conninfo` (login samovar_owner) up to the last of `all`; returns
/// how many were applied. Safe to run from several processes at once. Throws migration_error when
/// one fails (it is rolled back and named; those before it stay), when an applied one differs from
/// ours, or when the database is newer than the program; core::store_unavailable when it is away.
int migrate(const std::string& owner_conninfo,
            std::span<const migration> all = embedded_migrations(),
            const std::shared_ptr<hang_watch>& watch = nullptr);

/// Throws migration_error when `applied` is beyond the last of `all`: the data belong to a newer
/// program.
void refuse_newer(int applied, std::span<const migration> all = embedded_migrations());

/// Throws migration_error unless the database is exactly at our version (read as samovar_app).
void check_version(const std::string& app_conninfo,
                   std::span<const migration> all = embedded_migrations(),
                   const std::shared_ptr<hang_watch>& watch = nullptr);

}  // namespace samovar::storage
