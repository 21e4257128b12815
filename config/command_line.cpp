#include "config/command_line.hpp"

#include <CLI/CLI.hpp>
#include <charconv>

#include "config/data_commands.hpp"
#include "config/devices.hpp"
#include "config/setting_flags.hpp"

namespace samovar::config {

namespace {

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
  if (boxes.empty() && c.text.empty()) return usage("--box or --text is needed");
  for (const auto& text : boxes) {
    const auto n = numbers(text, 4);
    if (!n) return usage("--box: x,y,width,height in whole pixels is needed, got '" + text + "'");
    c.boxes.push_back({(*n)[0], (*n)[1], (*n)[2], (*n)[3]});
  }
  return command{std::move(c)};
}

// A link's address and lifetime.
bool concerns_links(const declaration& d) {
  return concerns_users(d) || d.name() == "http.public_url" || d.name() == "http.address" ||
         d.name() == "http.port" || d.name() == "sign_in.link_s";
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
      {"enable", {user_command::verb::enable, "let a disabled user in again"}},
      {"invite",
       {user_command::verb::invite, "print a one-time link to set a password; adds a new user"}},
      {"reset", {user_command::verb::reset, "print a one-time link to set a new password"}}};
  for (const auto& [name, verb] : verbs) {
    auto* sub = user->add_subcommand(name, verb.second);
    user_flags.add_to(*sub, name == "invite" || name == "reset" ? concerns_links : concerns_users);
    if (name != "list") sub->add_option("EMAIL", u.email, "the user's address")->required();
    if (name == "add" || name == "passwd")
      sub->add_flag("--password-stdin", u.password_stdin, "read the password from standard input");
    if (name == "add" || name == "invite")
      sub->add_flag("--admin", u.admin, "make a new user an administrator");
    if (name == "add")
      sub->add_flag("--api-key", u.api_key, "print a new API key, alone, on standard output");
  }

  const data_commands data(app);
  auto* reconcile = app.add_subcommand(
      "reconcile", "compare counters, rows and blobs; exit code 1 when they disagree");
  setting_flags reconcile_flags;
  reconcile_flags.add_to(*reconcile, concerns_users);
  bool fix = false;
  reconcile->add_flag("--fix", fix, "set right what can be without losing anything");

  auto* device_process = app.add_subcommand("device-process", "started by the server itself");
  device_process->group("");  // not in the help

  auto* segment = app.add_subcommand("segment", "segment one image without any server");
  segment_command seg;
  std::vector<std::string> boxes;
  segment->add_option("IMAGE", seg.image, "JPEG, PNG, WebP, TIFF or BMP")->required();
  segment->add_option("--box", boxes, "x,y,width,height in pixels; may be repeated");
  segment->add_option("--text", seg.text, "what to find, for a model that reads text");
  segment->add_option("--out", seg.out, "PNG to write the mask to")->required();
  setting_flags segment_flags;
  segment_flags.add_to(*segment, [](const declaration& d) {
    return d.section == "model" || d.name() == "devices.list";
  });

  auto* check_model = app.add_subcommand(
      "check-model", "say what is in a SAM 3 checkpoint; exit code 1 when it can't be used");
  check_model_command checked;
  check_model->add_option("PATH", checked.file, "model.safetensors, sam3.safetensors or sam3.pt")
      ->required();

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
    if (const auto r = check_together(*s); !r) return r.failure();
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
  if (auto c = data.chosen(env)) return *c;
  if (*reconcile) {
    auto s = join(reconcile_flags, *reconcile, env);
    if (!s.ok()) return s.failure();
    return command{reconcile_command{*s, fix}};
  }
  if (*device_process) return command{device_process_command{}};
  if (*segment) {
    auto s = join(segment_flags, *segment, env);
    if (!s.ok()) return s.failure();
    if (const auto r = check_together(*s); !r) return r.failure();
    seg.options = *s;
    return make_segment(std::move(seg), boxes);
  }
  if (*check_model) return command{std::move(checked)};
  return usage(
      "a command is needed: serve, user, migrate, reconcile, segment or check-model (see samovar "
      "--help)");
}

}  // namespace samovar::config
