// The table of settings: section, key, kind, range and help in one place. Files, environment and
// command line all go through it, so that a key means the same everywhere.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "core/errors.hpp"

namespace samovar::config {

struct declaration {
  std::string section;  ///< empty for data_dir
  std::string key;
  std::string unit;   ///< "s", "MB", "" ...
  std::string range;  ///< "0..65535", "classical|synthetic" or ""
  std::string help;
  bool is_integer = false;
  bool is_secret = false;
  /// The default as text.
  std::string default_text;
  /// Checks and stores; the error names the key and never the value of a secret.
  std::function<core::status(settings&, const std::string& value)> store;
  /// The present value as text, as `store` takes it.
  std::function<std::string(const settings&)> show;

  /// "http.port"; what the command line calls --http.port and the file [http] port.
  std::string name() const { return section.empty() ? key : section + "." + key; }
  /// "SAMOVAR_HTTP_PORT".
  std::string environment_name() const;
};

const std::vector<declaration>& declarations();
/// nullptr when there is no such setting. '-' and '_' are the same in keys.
const declaration* find_declaration(const std::string& name);

}  // namespace samovar::config
