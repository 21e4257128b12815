#include "storage/admin.hpp"

#include "core/limits.hpp"

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

}  // namespace

core::outcome<core::user> admin::add_user(const core::secrets& secrets, const std::string& email,
                                          const std::string& password, core::role rights,
                                          core::timestamp now) {
  const auto address = core::normalize_email(email);
  if (!address) return bad_email();
  if (auto wrong = check_password(password)) return *wrong;
  core::new_user u;
  u.id.value = core::make_uuid_v7(static_cast<std::uint64_t>(now.time_since_epoch().count() / 1000),
                                  secrets.random_u64(), secrets.random_u64());
  u.email = *address;
  u.display_name = address->substr(0, address->find('@'));
  u.password_hash = secrets.hash_password(password);
  u.rights = rights;
  if (auto made = accounts_.create_user(u); !made) return made.failure();
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
  return accounts_.set_password_hash(*id, secrets.hash_password(password), std::nullopt);
}

core::status admin::set_disabled(const std::string& email, bool disabled) {
  const auto id = find(email);
  if (!id) return id.failure();
  return accounts_.set_disabled(*id, disabled);
}

}  // namespace samovar::storage
