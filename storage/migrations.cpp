#include "storage/migrations.hpp"

#include <sodium.h>
#include <spdlog/spdlog.h>

#include <map>

#include "storage/pool.hpp"

namespace samovar::storage {

namespace {

constexpr const char* bookkeeping_sql = R"(
do $$
begin
  if to_regclass('public.schema_migrations') is null then
    create table schema_migrations (
      version integer primary key,
      name text not null,
      checksum text not null,
      applied_at timestamptz not null default now()
    );
    alter table schema_migrations enable row level security;
    alter table schema_migrations force row level security;
    create policy owner_rows on schema_migrations to samovar_owner using (true) with check (true);
    create policy readable on schema_migrations for select to samovar_app using (true);
    grant select on schema_migrations to samovar_app;
  end if;
end $$;
)";

std::string checksum_of(const migration& m) {
  unsigned char digest[crypto_hash_sha256_BYTES];
  const std::string_view sql = m.sql;
  crypto_hash_sha256(digest, reinterpret_cast<const unsigned char*>(sql.data()), sql.size());
  char hex[sizeof digest * 2 + 1];
  sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
  return hex;
}

std::map<int, std::string> applied_versions(connection& c) {
  std::map<int, std::string> applied;
  for (const auto& row : c.exec("select version, checksum from schema_migrations"))
    applied.emplace(row[0].as<int>(), row[1].c_str());
  return applied;
}

void refuse_strangers(const std::map<int, std::string>& applied, std::span<const migration> all) {
  if (!applied.empty()) refuse_newer(applied.rbegin()->first, all);
  for (const auto& m : all) {
    const auto at = applied.find(m.version);
    if (at != applied.end() && at->second != checksum_of(m))
      throw migration_error(std::string{"Migration "} + m.name +
                            " was applied in another form than this program has");
  }
}

void apply(connection& c, const migration& m) {
  std::string book = "insert into schema_migrations (version, name, checksum) values (" +
                     std::to_string(m.version) + ",";
  append_literal(book, m.name);
  book += ",";
  append_literal(book, checksum_of(m));
  book += ")";
  try {
    c.without_limit([&] {
      pqxx::work t{c.raw()};
      t.exec("set local statement_timeout = 0");
      t.exec(m.sql);
      t.exec(book);
      t.commit();
      return 0;
    });
  } catch (const pqxx::sql_error& e) {
    throw migration_error(std::string{"Migration "} + m.name +
                          " failed and was rolled back: " + e.what());
  }
  spdlog::info("storage: migration {} applied", m.name);
}

}  // namespace

void refuse_newer(int applied, std::span<const migration> all) {
  const int newest = all.empty() ? 0 : all.back().version;
  if (applied > newest)
    throw migration_error("The database is newer (version " + std::to_string(applied) +
                          ") than this program (version " + std::to_string(newest) +
                          "): use a newer program or restore an older backup");
}

int migrate(const std::string& owner_conninfo, std::span<const migration> all,
            const std::shared_ptr<hang_watch>& watch) {
  connection c{owner_conninfo, watch};
  try {
    c.exec("set lock_timeout = 0");
    c.limit_statements(std::chrono::seconds(300));
    c.exec("select pg_advisory_lock(7236520200)");
    c.exec(bookkeeping_sql);
  } catch (const pqxx::sql_error& e) {
    throw migration_error(
        std::string{"The database is not prepared (run storage/roles.sql as a superuser): "} +
        e.what());
  }
  const auto applied = applied_versions(c);
  refuse_strangers(applied, all);
  int count = 0;
  for (const auto& m : all) {
    if (applied.contains(m.version)) continue;
    apply(c, m);
    ++count;
  }
  c.exec("select pg_advisory_unlock(7236520200)");
  return count;
}

void check_version(const std::string& app_conninfo, std::span<const migration> all,
                   const std::shared_ptr<hang_watch>& watch) {
  connection c{app_conninfo, watch};
  std::map<int, std::string> applied;
  try {
    applied = applied_versions(c);
  } catch (const pqxx::sql_error&) {
    // Absent or not readable: either way it was never migrated for this login.
    throw migration_error("The database has no Samovar tables: run `samovar migrate` first");
  }
  refuse_strangers(applied, all);
  if (applied.size() < all.size())
    throw migration_error("The database is older than this program: run `samovar migrate` first");
}

}  // namespace samovar::storage
