#include "storage/admin.hpp"

#include "core/limits.hpp"
#include "storage/links.hpp"

namespace samovar::storage {

namespace {

std::optional<core::error> check_password(const std::string& password) {
  if (password.size() < core::limits::password_chars_min ||
      password.size() > core::limits::password_bytes_max)
    return core::make_error(core::error_code::validation_failed,
                            "A password needs at least " +
                                std::to_string(core::limits::password_chars_min) + " characters",
                            "password");
  return std::nullopt;
}

core::error bad_email() {
  return core::make_error(core::error_code::validation_failed, "This is not an email address",
                          "email");
}

core::uuid fresh_uuid(const core::secrets& secrets, core::timestamp now) {
  return core::make_uuid_v7(static_cast<std::uint64_t>(now.time_since_epoch().count() / 1000),
                            secrets.random_u64(), secrets.random_u64());
}

}  // namespace

core::outcome<core::user> admin::add_user(const core::secrets& secrets, const std::string& email,
                                          const std::string& password, core::role rights,
                                          core::timestamp now) {
  const auto address = core::normalize_email(email);
  if (!address) return bad_email();
  if (auto wrong = check_password(password)) return *wrong;
  core::new_user u;
  u.id.value = fresh_uuid(secrets, now);
  u.email = *address;
  u.display_name = address->substr(0, address->find('@'));
  u.password_hash = secrets.hash_password(password);
  u.rights = rights;
  if (auto made = accounts_.create_user(u, from_command_line()); !made) return made.failure();
  return accounts_.find_user(u.id).value();
}

core::outcome<core::user_id> admin::find(const std::string& email) {
  const auto address = core::normalize_email(email);
  if (!address) return bad_email();
  const auto login = accounts_.find_login(*address);
  if (!login) return core::make_error(core::error_code::not_found, "User not found");
  return login->id;
}

core::status admin::set_password(const core::secrets& secrets, const std::string& email,
                                 const std::string& password) {
  if (auto wrong = check_password(password)) return *wrong;
  const auto id = find(email);
  if (!id) return id.failure();
  const auto set = accounts_.set_password_hash(*id, secrets.hash_password(password), std::nullopt,
                                               from_command_line());
  if (!set) return set.failure();
  return core::done{};
}

core::status admin::set_disabled(const std::string& email, bool disabled) {
  const auto id = find(email);
  if (!id) return id.failure();
  return accounts_.set_disabled(*id, disabled, from_command_line());
}

core::status admin::issue_link(const core::secrets& secrets, const std::string& email,
                               core::link_kind kind, const std::string& token, bool administrator,
                               core::timestamp now, std::chrono::seconds lifetime) {
  auto id = find(email);
  const bool absent = !id && id.failure().code == core::error_code::not_found;
  if (absent && kind == core::link_kind::invite) {
    core::new_user u;
    u.id.value = fresh_uuid(secrets, now);
    u.email = core::normalize_email(email).value();  // find() has checked it
    u.display_name = u.email.substr(0, u.email.find('@'));
    u.rights = administrator ? core::role::admin : core::role::user;
    if (auto made = accounts_.create_user(u, from_command_line()); !made) return made.failure();
    id = u.id;
  }
  if (!id) return id.failure();
  link_repository links(*database_.connections);
  return links.issue({fresh_uuid(secrets, now), *id, kind, now + lifetime}, secrets.sha256(token),
                     from_command_line());
}

}  // namespace samovar::storage
