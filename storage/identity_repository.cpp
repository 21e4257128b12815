#include "storage/identity_repository.hpp"

namespace samovar::storage {

namespace {

constexpr statement find_statement{
    "identity_find", "select id, user_id, disabled from definer_find_identity($1::text, $2::text)"};
constexpr statement create_statement{
    "identity_create_user",
    "select definer_create_identity_user($1::uuid, $2::text, $3::text, $4::uuid, $5::text, "
    "$6::text, $7::text)"};
constexpr statement link_statement{
    "identity_link",
    "select definer_link_identity($1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::text)"};
constexpr statement note_statement{"identity_note",
                                   "select definer_note_identity($1::uuid, $2::text)"};
constexpr statement group_statement{
    "identity_admin_group", "select definer_apply_admin_group($1::uuid, $2::boolean, $3::text)"};
constexpr statement list_statement{
    "identity_list",
    "select id, user_id, issuer, subject, email, created_at from oidc_identities "
    "where user_id = $1::uuid order by created_at, id"};
constexpr statement remove_statement{
    "identity_remove", "select definer_remove_identity($1::uuid, $2::uuid, $3::text)"};

core::error identity_is_anothers() {
  return core::make_error(core::error_code::conflict, "This sign-in belongs to another account");
}

}  // namespace

std::optional<core::identity_owner> identity_repository::find_identity(const std::string& issuer,
                                                                       const std::string& subject) {
  const auto rows = pool_.take()->run(find_statement, issuer, subject);
  if (rows.empty()) return std::nullopt;
  return core::identity_owner{read_id<core::identity_id>(rows[0][0].c_str()),
                              read_id<core::user_id>(rows[0][1].c_str()), rows[0][2].as<bool>()};
}

core::status identity_repository::create_user_with_identity(const core::identity& i,
                                                            const std::string& email,
                                                            const std::string& display_name,
                                                            const std::string& address) {
  const auto rows = pool_.take()->run(create_statement, i.owner, email, display_name, i.id,
                                      i.issuer, i.subject, address);
  const std::string_view answer = rows[0][0].c_str();
  if (answer == "email")
    return core::make_error(core::error_code::email_taken,
                            "An account with this email address exists already", "email");
  if (answer != "ok") return identity_is_anothers();
  return core::done{};
}

core::status identity_repository::link_identity(const core::identity& i,
                                                const std::string& address) {
  const auto rows =
      pool_.take()->run(link_statement, i.id, i.owner, i.issuer, i.subject, i.email, address);
  if (std::string_view{rows[0][0].c_str()} != "ok") return identity_is_anothers();
  return core::done{};
}

void identity_repository::note_sign_in(core::identity_id id,
                                       const std::optional<std::string>& email) {
  pool_.take()->run(note_statement, id, email);
}

bool identity_repository::apply_admin_group(core::user_id user, bool member,
                                            const std::string& address) {
  return pool_.take()->run(group_statement, user, member, address)[0][0].as<bool>();
}

std::vector<core::identity> identity_repository::list_identities(core::user_id owner) {
  std::vector<core::identity> all;
  for (const auto& row : pool_.take()->as_user(owner, list_statement, owner)) {
    core::identity i;
    i.id = read_id<core::identity_id>(row[0].c_str());
    i.owner = read_id<core::user_id>(row[1].c_str());
    i.issuer = row[2].c_str();
    i.subject = row[3].c_str();
    if (!row[4].is_null()) i.email = row[4].c_str();
    i.created_at = read_timestamp(row[5].c_str());
    all.push_back(std::move(i));
  }
  return all;
}

core::identity_removal identity_repository::remove_identity(core::user_id owner,
                                                            core::identity_id id,
                                                            const std::string& address) {
  const auto rows = pool_.take()->run(remove_statement, id, owner, address);
  const std::string_view answer = rows[0][0].c_str();
  if (answer == "absent") return core::identity_removal::absent;
  if (answer == "last") return core::identity_removal::only_way_in;
  return core::identity_removal::removed;
}

}  // namespace samovar::storage
