// What the program was asked to do: command line, environment and file joined into one value.
//
// Precedence, low to high: defaults, samovar.toml (in the working folder, or --config FILE),
// SAMOVAR_… environment variables, command line. Unknown keys and bad values are refused by name.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "config/settings.hpp"
#include "core/errors.hpp"
#include "core/geometry.hpp"

namespace samovar::config {

struct serve_command {
  settings options;
};
struct migrate_command {
  settings options;
};
struct user_command {
  enum class verb { add, list, passwd, disable, enable, invite, reset };
  verb what = verb::list;
  settings options;
  std::string email;
  bool admin = false;
  bool password_stdin = false;
  bool api_key = false;  ///< print a new API key, alone, on stdout
};
struct reconcile_command {
  settings options;
  bool fix = false;
};
struct segment_command {
  std::string image;
  std::string out;
  std::vector<core::box> boxes;  ///< one mask for each
  std::string text;              ///< every instance of it; at least one of both is given
  settings options;
};
struct check_model_command {
  std::string file;
};
struct import_command {
  settings options;
  std::string from;   ///< URL of the old database. May hold a password: never printed
  std::string blobs;  ///< folder
  std::string email;
  bool dry_run = false;
  bool requeue = false;
  bool allow_missing = false;
};
struct backup_command {
  settings options;
  std::string file;
  std::string superuser_url;  ///< only with database.url. May hold a password: never printed
};
struct restore_command {
  settings options;
  std::string file;
  std::string superuser_url;
};
/// Text to print on stdout; exit code 0.
/// Started by the server itself (devices.isolate), never by a person.
struct device_process_command {};
struct print_command {
  std::string text;
};

using command = std::variant<serve_command, migrate_command, user_command, reconcile_command,
                             segment_command, print_command, import_command, backup_command,
                             restore_command, device_process_command, check_model_command>;

/// Exit codes of the program.
inline constexpr int exit_ok = 0;
inline constexpr int exit_failure = 1;
inline constexpr int exit_usage = 2;

using environment = std::function<std::optional<std::string>(const std::string& name)>;

/// `arguments` without the program's name. An error's sentence is for stderr, with exit_usage.
core::outcome<command> parse_command_line(const std::vector<std::string>& arguments,
                                          const environment& env, const std::string& version);

/// Applies a TOML text to `s`. `origin` names it in messages.
core::status apply_toml(settings& s, const std::string& text, const std::string& origin);
/// Applies the variables of known settings; see refuse_unknown_variables for the others.
core::status apply_environment(settings& s, const environment& env);
/// Given the names of all environment variables: refuses SAMOVAR_… ones that name no setting
/// (SAMOVAR_TEST_…, SAMOVAR_SAM3_GOLDEN and SAMOVAR_SAM3_VOCABULARY belong to the tests and are let
/// through).
core::status refuse_unknown_variables(const std::vector<std::string>& names);

}  // namespace samovar::config
