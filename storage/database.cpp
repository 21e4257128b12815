#include "storage/database.hpp"

#include "storage/migrations.hpp"

namespace samovar::storage {

namespace {

void finish(database& d, const database_options& options) {
  d.app_conninfo = with_timeouts(d.app_conninfo, options.answer_max);
  if (!d.owner_conninfo.empty())
    d.owner_conninfo = with_timeouts(d.owner_conninfo, options.answer_max);
  d.watch = std::make_shared<hang_watch>(d.app_conninfo, options.answer_max);
  if (!d.owner_conninfo.empty() && options.may_migrate)
    migrate(d.owner_conninfo, embedded_migrations(), d.watch);
  else
    check_version(d.app_conninfo, embedded_migrations(), d.watch);
  d.connections = std::make_unique<pool>(d.app_conninfo, options.pool_size, options.pool_wait,
                                         d.watch, options.limit);
}

void refuse_half_restored(const database_options& options) {
  std::error_code ec;
  if (std::filesystem::exists(options.data_dir / restoring_marker, ec))
    throw cluster_error("A restore into " + options.data_dir.string() +
                        " did not finish: run `samovar restore` again, or empty the directory");
}

}  // namespace

database open_database(const database_options& options) {
  refuse_half_restored(options);
  database d;
  if (options.url.empty()) {
    d.embedded = std::make_unique<embedded_postgres>(options.data_dir);
    d.app_conninfo = d.embedded->app_conninfo();
    d.owner_conninfo = d.embedded->owner_conninfo();
  } else {
    d.app_conninfo = options.url;
    d.owner_conninfo = options.owner_url;
  }
  finish(d, options);
  return d;
}

database open_database_beside(const database_options& options) {
  refuse_half_restored(options);
  if (!options.url.empty() || !embedded_postgres::in_use(options.data_dir))
    return open_database(options);
  const auto paths = locate_cluster(options.data_dir);
  database d;
  d.app_conninfo = conninfo_for(paths, "samovar_app");
  d.owner_conninfo = conninfo_for(paths, "samovar_owner");
  finish(d, options);
  return d;
}

}  // namespace samovar::storage
