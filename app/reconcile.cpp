// samovar reconcile: compares counters, rows and blobs, beside a running server or without one.
#include <iostream>

#include "app/commands.hpp"
#include "app/parts.hpp"
#include "storage/reconcile.hpp"

namespace samovar::app {

int reconcile(const config::reconcile_command& c) {
  if (!std::filesystem::exists(c.options.data_dir))
    return complain(c.options.data_dir.string() + ": there is no such data directory");
  auto database = database_options_of(c.options);
  database.limit = storage::long_statement_max;
  auto db = storage::open_database_beside(database);
  storage::blob_folder blobs(c.options.data_dir / "blobs", storage::blob_folder::leftovers::keep);
  storage::reconcile_options options;
  options.fix = c.fix;
  const auto report =
      storage::reconcile(*db.connections, blobs, options, [](const storage::drift& d) {
        std::cout << "drift: " << d.what << (d.fixed ? " (fixed)" : "") << "\n";
      });
  std::cout << "compared " << report.users << " users, " << report.images << " images, "
            << report.jobs << " jobs and " << report.blobs << " blobs older than an hour: ";
  if (report.drifts == 0)
    std::cout << "no drift\n";
  else
    std::cout << report.drifts << " drifts, " << report.fixed << " fixed\n";
  return report.drifts == report.fixed ? config::exit_ok : config::exit_failure;
}

}  // namespace samovar::app
