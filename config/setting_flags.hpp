// The settings as flags of a sub-command, and their joining with file and environment.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <string>

#include "config/command_line.hpp"
#include "config/declarations.hpp"

namespace samovar::config {

/// Flags of every setting on one sub-command; values are kept as text and go through the table.
struct setting_flags {
  std::map<std::string, std::string> values;
  std::string config_file;

  void add_to(CLI::App& app, const std::function<bool(const declaration&)>& wanted);
};

/// The settings that `app` was called with: defaults, file, environment, then the flags.
core::outcome<settings> join(const setting_flags& flags, const CLI::App& app,
                             const environment& env);

/// The settings of commands that work on the data without serving.
bool concerns_users(const declaration& d);

/// A mistake in the command line, for stderr.
core::error usage(const std::string& what);

}  // namespace samovar::config
