// An empty database of its own in the shared cluster, for tests of what only a new one shows.
#pragma once

#include "cluster_fixture.hpp"
#include "storage/migrations.hpp"

namespace samovar::tests {

/// An empty database of its own in the shared cluster.
struct empty_database {
  std::string name;
  std::string owner, app;
  empty_database() {
    static std::atomic<int> counter{0};
    name = "migrations_" + std::to_string(++counter);
    const auto& paths = cluster().db.embedded->paths();
    pqxx::connection c{storage::conninfo_for(paths, "postgres", "postgres")};
    pqxx::nontransaction{c}.exec("create database " + name);
    pqxx::connection d{storage::conninfo_for(paths, "postgres", name)};
    pqxx::nontransaction{d}.exec(storage::roles_sql);
    owner = storage::conninfo_for(paths, "samovar_owner", name);
    app = storage::conninfo_for(paths, "samovar_app", name);
  }
  ~empty_database() {
    pqxx::connection c{
        storage::conninfo_for(cluster().db.embedded->paths(), "postgres", "postgres")};
    pqxx::nontransaction{c}.exec("drop database " + name + " with (force)");
  }
  int count(const std::string& sql) {
    pqxx::connection c{storage::conninfo_for(cluster().db.embedded->paths(), "postgres", name)};
    return pqxx::nontransaction{c}.exec(sql)[0][0].as<int>();
  }
};

}  // namespace samovar::tests
