#include "storage/links.hpp"

#include "storage/account_rows.hpp"

namespace samovar::storage {

namespace {

constexpr statement issue_statement{
    "link_issue",
    "select definer_issue_link($1::uuid, $2::uuid, $3::text, $4::bytea, $5::timestamptz, "
    "$6::uuid, $7::text)"};
constexpr statement find_statement{
    "link_find", "select kind, email, display_name, expires_at from definer_find_link($1::bytea)"};
constexpr statement redeem_statement{
    "link_redeem",
    "select user_id, kind from definer_redeem_link($1::bytea, $2::text, $3::text, $4::text)"};
constexpr statement list_statement{
    "audit_list",
    "select id, at, actor_id, actor_email, action, subject_id, subject, address, detail "
    "from definer_list_audit($1::bigint, $2::integer, $3::text, $4::uuid)"};
constexpr statement count_statement{"audit_count",
                                    "select definer_count_audit($1::text, $2::uuid)"};
constexpr statement failed_statement{
    "audit_failed",
    "select definer_audit(null, $3::text, 'sign_in_failed', $1::uuid, $1::uuid, $2::text, '{}')"};
constexpr statement read_statement{"audit_read",
                                   "select definer_audit_read($1::uuid, $2::text, $3::text)"};

core::link_kind read_kind(const char* text) {
  return std::string_view{text} == "reset" ? core::link_kind::reset : core::link_kind::invite;
}

std::optional<std::string> read_optional_text(const pqxx::field& f) {
  if (f.is_null()) return std::nullopt;
  return std::string(f.c_str());
}

}  // namespace

core::status link_repository::issue(const core::new_link& link, const std::string& token_sha256,
                                    const core::change_origin& by) {
  const auto rows = pool_.take()->run(issue_statement, link.id, link.user,
                                      std::string{core::to_string(link.kind)}, bytes{token_sha256},
                                      link.expires_at, by.actor, by.address);
  if (!rows[0][0].as<bool>()) return user_not_found();
  return core::done{};
}

std::optional<core::account_link> link_repository::find(const std::string& token_sha256) {
  const auto rows = pool_.take()->run(find_statement, bytes{token_sha256});
  if (rows.empty()) return std::nullopt;
  return core::account_link{read_kind(rows[0][0].c_str()), rows[0][1].c_str(), rows[0][2].c_str(),
                            read_timestamp(rows[0][3].c_str())};
}

std::optional<core::redeemed_link> link_repository::redeem(
    const std::string& token_sha256, const std::string& password_hash,
    const std::optional<std::string>& display_name, const std::string& address) {
  const auto rows = pool_.take()->run(redeem_statement, bytes{token_sha256}, password_hash,
                                      display_name, address);
  if (rows.empty()) return std::nullopt;
  return core::redeemed_link{read_id<core::user_id>(rows[0][0].c_str()),
                             read_kind(rows[0][1].c_str())};
}

core::audit_page audit_repository::list(const core::audit_query& q) {
  auto c = pool_.take();
  core::audit_page page;
  if (q.with_total) page.total = c->run(count_statement, q.action, q.user)[0][0].as<std::int64_t>();
  for (const auto& row :
       c->run(list_statement, q.before, static_cast<std::int32_t>(q.limit), q.action, q.user)) {
    core::audit_entry e;
    e.id = row[0].as<std::int64_t>();
    e.at = read_timestamp(row[1].c_str());
    if (!row[2].is_null()) e.actor = read_id<core::user_id>(row[2].c_str());
    e.actor_email = read_optional_text(row[3]);
    e.action = row[4].c_str();
    if (!row[5].is_null()) e.subject_id = read_uuid(row[5].c_str());
    e.subject = read_optional_text(row[6]);
    e.address = read_optional_text(row[7]);
    e.detail = row[8].c_str();
    page.entries.push_back(std::move(e));
  }
  return page;
}

void audit_repository::sign_in_failed(std::optional<core::user_id> account,
                                      const std::optional<std::string>& email,
                                      const std::string& address) {
  pool_.take()->run(failed_statement, account, email, address);
}

void audit_repository::admin_read(const core::change_origin& by, const std::string& what) {
  pool_.take()->run(read_statement, by.actor, by.address, what);
}

}  // namespace samovar::storage
