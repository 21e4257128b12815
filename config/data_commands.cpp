#include "config/data_commands.hpp"

namespace samovar::config {

namespace {

constexpr const char* superuser_help =
    "with database.url: the same database as a role that sees every row (a superuser); its "
    "password may come from PGPASSWORD or ~/.pgpass";

template <class Command>
core::outcome<command> joined(Command c, const setting_flags& flags, const CLI::App& app,
                              const environment& env) {
  auto s = join(flags, app, env);
  if (!s.ok()) return s.failure();
  c.options = *s;
  return command{std::move(c)};
}

}  // namespace

data_commands::data_commands(CLI::App& app) {
  import_ = app.add_subcommand("import-samui", "take over a single-user database and its files");
  import_flags_.add_to(*import_, concerns_users);
  auto& i = import_options_;
  import_->add_option("--from", i.from, "postgresql:// URL of the single-user database")
      ->required();
  import_->add_option("--blobs", i.blobs, "folder with its images/, masks/ and coco/")
      ->required()
      ->check(CLI::ExistingDirectory);
  import_->add_option("--user", i.email, "address of the user who gets everything")->required();
  import_->add_flag("--dry-run", i.dry_run, "read and report, write nothing");
  import_->add_flag("--requeue", i.requeue, "queue unfinished jobs again instead of failing them");
  import_->add_flag("--allow-missing", i.allow_missing,
                    "take rows whose file is missing, without pixels or masks");

  backup_ = app.add_subcommand("backup", "write database and images to one file, while serving");
  backup_flags_.add_to(*backup_, concerns_users);
  backup_->add_option("FILE", backup_options_.file, "must not exist")->required();
  backup_->add_option("--superuser-url", backup_options_.superuser_url, superuser_help);

  restore_ = app.add_subcommand("restore", "bring a backup back into an empty data directory");
  restore_flags_.add_to(*restore_, concerns_users);
  restore_->add_option("FILE", restore_options_.file, "what `samovar backup` wrote")
      ->required()
      ->check(CLI::ExistingFile);
  restore_->add_option("--superuser-url", restore_options_.superuser_url, superuser_help);
}

std::optional<core::outcome<command>> data_commands::chosen(const environment& env) const {
  if (*import_) return joined(import_options_, import_flags_, *import_, env);
  if (*backup_) return joined(backup_options_, backup_flags_, *backup_, env);
  if (*restore_) return joined(restore_options_, restore_flags_, *restore_, env);
  return std::nullopt;
}

}  // namespace samovar::config
