#include "config/command_line.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "config/declarations.hpp"

namespace samovar::config {

namespace {

core::error usage(const std::string& what) {
  return core::make_error(core::error_code::validation_failed, what);
}

// Flags of every setting on one sub-command; values are kept as text and go through the table.
struct setting_flags {
  std::map<std::string, std::string> values;
  std::string config_file;

  void add_to(CLI::App& app, const std::function<bool(const declaration&)>& wanted) {
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
};

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
    if (app.count("--" + name) == 0) continue;
    if (const auto r = find_declaration(name)->store(s, value); !r.ok())
      return usage("--" + r.failure().detail);
  }
  return s;
}

std::optional<std::vector<std::int32_t>> numbers(const std::string& text, std::size_t count) {
  std::vector<std::int32_t> out;
  const char* p = text.data();
  const char* const end = p + text.size();
  while (true) {
    std::int32_t n = 0;
    const auto parsed = std::from_chars(p, end, n);
    if (parsed.ec != std::errc()) return std::nullopt;
    out.push_back(n);
    p = parsed.ptr;
    if (p == end) break;
    if (*p != ',') return std::nullopt;
    ++p;
  }
  if (out.size() != count) return std::nullopt;
  return out;
}

core::outcome<command> make_segment(segment_command c, const std::vector<std::string>& boxes) {
  for (const auto& text : boxes) {
    const auto n = numbers(text, 4);
    if (!n) return usage("--box: x,y,width,height in whole pixels is needed, got '" + text + "'");
    c.boxes.push_back({(*n)[0], (*n)[1], (*n)[2], (*n)[3]});
  }
  return command{std::move(c)};
}

bool concerns_users(const declaration& d) {
  return d.section == "database" || d.section.empty() || d.section == "log";
}

}  // namespace

core::outcome<command> parse_command_line(const std::vector<std::string>& arguments,
                                          const environment& env, const std::string& version) {
  CLI::App app{"Samovar: a multi-user SAM 3 segmentation server for a team", "samovar"};
  app.require_subcommand(0, 1);
  bool show_version = false;
  app.add_flag("--version", show_version, "print the version");

  auto* serve = app.add_subcommand("serve", "run the server");
  setting_flags serve_flags;
  serve_flags.add_to(*serve, [](const declaration&) { return true; });

  auto* migrate = app.add_subcommand("migrate", "bring the database to this program's version");
  setting_flags migrate_flags;
  migrate_flags.add_to(*migrate, concerns_users);

  auto* user = app.add_subcommand("user", "manage users, beside a running server or without one");
  user->require_subcommand(1, 1);
  user_command u;
  setting_flags user_flags;
  const std::map<std::string, std::pair<user_command::verb, std::string>> verbs{
      {"add", {user_command::verb::add, "add a user"}},
      {"list", {user_command::verb::list, "list all users"}},
      {"passwd", {user_command::verb::passwd, "set a user's password"}},
      {"disable", {user_command::verb::disable, "lock a user out"}},
      {"enable", {user_command::verb::enable, "let a disabled user in again"}}};
  for (const auto& [name, verb] : verbs) {
    auto* sub = user->add_subcommand(name, verb.second);
    user_flags.add_to(*sub, concerns_users);
    if (name != "list") sub->add_option("EMAIL", u.email, "the user's address")->required();
    if (name == "add" || name == "passwd")
      sub->add_flag("--password-stdin", u.password_stdin, "read the password from standard input");
    if (name == "add") {
      sub->add_flag("--admin", u.admin, "make the user an administrator");
      sub->add_flag("--api-key", u.api_key, "print a new API key, alone, on standard output");
    }
  }

  auto* reconcile = app.add_subcommand(
      "reconcile", "compare counters, rows and blobs; exit code 1 when they disagree");
  setting_flags reconcile_flags;
  reconcile_flags.add_to(*reconcile, concerns_users);
  bool fix = false;
  reconcile->add_flag("--fix", fix, "set right what can be without losing anything");

  auto* segment = app.add_subcommand("segment", "segment one image without any server");
  segment_command seg;
  std::vector<std::string> boxes;
  segment->add_option("IMAGE", seg.image, "JPEG, PNG, WebP, TIFF or BMP")->required();
  segment->add_option("--box", boxes, "x,y,width,height in pixels; may be repeated")->required();
  segment->add_option("--out", seg.out, "PNG to write the mask to")->required();
  segment->add_option("--model.segmenter", seg.segmenter, "classical")
      ->check(CLI::IsMember({"classical", "synthetic"}));

  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    return command{print_command{app.help()}};
  } catch (const CLI::ParseError& e) {
    return usage(e.what());
  }
  if (show_version) return command{print_command{"samovar " + version + "\n"}};

  if (*serve) {
    auto s = join(serve_flags, *serve, env);
    if (!s.ok()) return s.failure();
    return command{serve_command{*s}};
  }
  if (*migrate) {
    auto s = join(migrate_flags, *migrate, env);
    if (!s.ok()) return s.failure();
    return command{migrate_command{*s}};
  }
  if (*user) {
    const auto* chosen = user->get_subcommands().front();
    u.what = verbs.at(chosen->get_name()).first;
    auto s = join(user_flags, *chosen, env);
    if (!s.ok()) return s.failure();
    u.options = *s;
    return command{std::move(u)};
  }
  if (*reconcile) {
    auto s = join(reconcile_flags, *reconcile, env);
    if (!s.ok()) return s.failure();
    return command{reconcile_command{*s, fix}};
  }
  if (*segment) return make_segment(std::move(seg), boxes);
  return usage(
      "a command is needed: serve, user, migrate, reconcile or segment (see samovar --help)");
}

}  // namespace samovar::config
