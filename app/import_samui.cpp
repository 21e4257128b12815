// samovar import-samui: takes a single-user database and its files over for one user.
#include <iostream>
#include <opencv2/core/utils/logger.hpp>

#include "app/commands.hpp"
#include "app/parts.hpp"
#include "core/accounts.hpp"
#include "model/codec.hpp"
#include "storage/blob_folder.hpp"
#include "storage/importer.hpp"
#include "storage/repositories.hpp"

namespace samovar::app {
namespace {

// Files were uploaded once already: the limit of uploads to this server does not apply to them.
constexpr std::uint64_t file_bytes_max = 1024ULL * 1024 * 1024;

storage::import_report import_all(const config::import_command& c, const storage::database& db,
                                  core::user_id user) {
  storage::import_source from(c.from);
  storage::import_folder files(c.blobs);
  storage::import_target to(db.app_conninfo, user, from.identity(), c.dry_run);
  std::unique_ptr<storage::blob_folder> blobs;
  if (!c.dry_run)
    blobs = std::make_unique<storage::blob_folder>(c.options.data_dir / "blobs",
                                                   storage::blob_folder::leftovers::keep);
  const auto codec = model::make_image_codec({.file_bytes_max = file_bytes_max});
  return storage::importer(from, files, to, blobs.get(), *codec,
                           {c.requeue, c.allow_missing, now()})
      .run();
}

}  // namespace

int import_samui(const config::import_command& c) {
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  const auto email = core::normalize_email(c.email);
  if (!email) return complain("--user: this is not an email address", config::exit_usage);
  auto options = database_options_of(c.options);
  options.may_migrate = !c.dry_run;
  // A dry run makes no database either.
  if (c.dry_run && options.url.empty() && !std::filesystem::exists(options.data_dir / "lock"))
    return complain("there is no data directory at " + options.data_dir.string());
  const auto db = storage::open_database_beside(options);
  const auto login = storage::account_repository(*db.connections).find_login(*email);
  if (!login)
    return complain("there is no user " + *email + ": add one with `samovar user add` first");
  const auto report = import_all(c, db, login->id);
  std::cout << report.text();
  if (!report.verified()) return complain("the import does not agree with its source; see above");
  return config::exit_ok;
}

}  // namespace samovar::app
