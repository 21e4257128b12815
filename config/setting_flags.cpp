#include "config/setting_flags.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace samovar::config {

core::error usage(const std::string& what) {
  return core::make_error(core::error_code::validation_failed, what);
}

void setting_flags::add_to(CLI::App& app, const std::function<bool(const declaration&)>& wanted) {
  app.add_option("--config", config_file, "settings file (default: samovar.toml when present)");
  for (const auto& d : declarations()) {
    if (!wanted(d)) continue;
    std::string flag = "--" + d.name();
    std::string dashed = flag;
    std::replace(dashed.begin() + 2, dashed.end(), '_', '-');
    if (dashed != flag) flag = dashed + "," + flag;
    std::string help = d.help;
    if (!d.range.empty()) help += " [" + d.range + (d.unit.empty() ? "" : " " + d.unit) + "]";
    if (!d.default_text.empty()) help += " (default " + d.default_text + ")";
    app.add_option(flag, values[d.name()], help);
  }
}

core::outcome<settings> join(const setting_flags& flags, const CLI::App& app,
                             const environment& env) {
  settings s;
  const std::string file = flags.config_file.empty() ? "samovar.toml" : flags.config_file;
  // A file that was named, or that is there but closed to us, must not be passed over in silence.
  std::error_code ignored;
  const bool there = std::filesystem::exists(std::filesystem::symlink_status(file, ignored));
  if (there || !flags.config_file.empty()) {
    std::ifstream in(file, std::ios::binary);
    if (!in.good() || std::filesystem::is_directory(file, ignored))
      return usage(file + ": this settings file can't be read");
    std::ostringstream text;
    text << in.rdbuf();
    if (const auto r = apply_toml(s, text.str(), file); !r.ok()) return r.failure();
  }
  if (const auto r = apply_environment(s, env); !r.ok()) return r.failure();
  for (const auto& [name, value] : flags.values) {
    // Several commands share one set of flags, and not each takes all of them.
    const auto* option = app.get_option_no_throw("--" + name);
    if (option == nullptr || option->count() == 0) continue;
    if (const auto r = find_declaration(name)->store(s, value); !r.ok())
      return usage("--" + r.failure().detail);
  }
  return s;
}

bool concerns_users(const declaration& d) {
  return d.section == "database" || d.section.empty() || d.section == "log";
}

}  // namespace samovar::config
