// samovar user: accounts from the command line, beside a running server or without one.
#include <termios.h>
#include <unistd.h>

#include <iostream>

#include "app/commands.hpp"
#include "app/parts.hpp"
#include "storage/admin.hpp"
#include "storage/secrets_sodium.hpp"

namespace samovar::app {
namespace {

std::string read_password(bool from_stdin) {
  std::string password;
  if (from_stdin || isatty(STDIN_FILENO) == 0) {
    std::getline(std::cin, password);
    return password;
  }
  std::cerr << "Password: " << std::flush;
  termios shown{};
  tcgetattr(STDIN_FILENO, &shown);
  auto hidden = shown;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  tcsetattr(STDIN_FILENO, TCSANOW, &hidden);
  std::getline(std::cin, password);
  tcsetattr(STDIN_FILENO, TCSANOW, &shown);
  std::cerr << "\n";
  return password;
}

void print_users(const std::vector<core::user>& users) {
  for (const auto& u : users)
    std::cout << core::to_string(u.id) << '\t' << u.email << '\t' << core::to_string(u.rights)
              << '\t' << (u.disabled_at ? "disabled" : "active") << '\t' << u.image_count
              << " images\n";
}

int add_user(const config::user_command& c, storage::admin& admin, core::account_store& accounts,
             const core::secrets& secrets) {
  // A user with only an API key needs no password; one can be set later with `user passwd`.
  const bool wants_password = c.password_stdin || !c.api_key;
  const auto password =
      wants_password ? read_password(c.password_stdin) : "none:" + secrets.random_token();
  const auto made = admin.add_user(secrets, c.email, password,
                                   c.admin ? core::role::admin : core::role::user, now());
  if (!made.ok()) return complain(made.failure().detail);
  if (!c.api_key) {
    std::cout << "added " << made->email << "\n";
    return config::exit_ok;
  }
  const auto secret = "smv_" + secrets.random_token();
  core::api_key key;
  key.id = core::api_key_id{new_uuid(secrets)};
  key.owner = made->id;
  key.name = "command line";
  key.prefix = secret.substr(0, 12);
  key.created_at = now();
  if (const auto stored =
          accounts.create_api_key(key, secrets.sha256(secret), storage::from_command_line());
      !stored.ok())
    return complain(stored.failure().detail);
  std::cout << secret << "\n";
  return config::exit_ok;
}

int print_link(const config::user_command& c, storage::admin& admin, const core::secrets& secrets) {
  const auto token = secrets.random_token();
  const auto kind = c.what == config::user_command::verb::reset ? core::link_kind::reset
                                                                : core::link_kind::invite;
  const auto lifetime = std::chrono::seconds(c.options.sign_in.link_s);
  const auto issued = admin.issue_link(secrets, c.email, kind, token, c.admin, now(), lifetime);
  if (!issued.ok()) return complain(issued.failure().detail);
  std::cout << address_for_links(c.options) << "/#/" << core::to_string(kind) << "?token=" << token
            << "\n";
  return config::exit_ok;
}

}  // namespace

int manage_users(const config::user_command& c) {
  storage::sodium_secrets secrets;
  storage::admin admin(database_options_of(c.options));
  using verb = config::user_command::verb;
  switch (c.what) {
    case verb::list: print_users(admin.list_users()); return config::exit_ok;
    case verb::add: return add_user(c, admin, admin.accounts(), secrets);
    case verb::passwd: {
      const auto set = admin.set_password(secrets, c.email, read_password(c.password_stdin));
      if (!set.ok()) return complain(set.failure().detail);
      std::cout << "password set for " << c.email << "\n";
      return config::exit_ok;
    }
    case verb::disable:
    case verb::enable: {
      const bool disable = c.what == verb::disable;
      const auto set = admin.set_disabled(c.email, disable);
      if (!set.ok()) return complain(set.failure().detail);
      std::cout << (disable ? "disabled " : "enabled ") << c.email << "\n";
      return config::exit_ok;
    }
    case verb::invite:
    case verb::reset: return print_link(c, admin, secrets);
  }
  return config::exit_failure;
}

}  // namespace samovar::app
