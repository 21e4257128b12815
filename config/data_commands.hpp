// Commands about the data as a whole: import-samui, backup, restore.
#pragma once

#include <memory>
#include <optional>

#include "config/setting_flags.hpp"

namespace samovar::config {

/// Declares the sub-commands on `app`; after parsing, `chosen` tells which one was called.
class data_commands {
 public:
  explicit data_commands(CLI::App& app);
  data_commands(const data_commands&) = delete;
  data_commands& operator=(const data_commands&) = delete;

  /// nullopt when none of them was called.
  std::optional<core::outcome<command>> chosen(const environment& env) const;

 private:
  CLI::App* import_ = nullptr;
  CLI::App* backup_ = nullptr;
  CLI::App* restore_ = nullptr;
  setting_flags import_flags_, backup_flags_, restore_flags_;
  import_command import_options_;
  backup_command backup_options_;
  restore_command restore_options_;
};

}  // namespace samovar::config
