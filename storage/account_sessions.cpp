// The web sessions of account_repository.
#include "core/limits.hpp"
#include "storage/account_rows.hpp"
#include "storage/repositories.hpp"

namespace samovar::storage {

namespace {

constexpr statement session_open{
    "session_open",
    "with made as (insert into web_sessions (id, user_id, token_sha256, csrf_token, created_at, "
    "last_seen_at, expires_at, address, user_agent) values ($1::uuid, $2::uuid, $3::bytea, "
    "$4::text, $5::timestamptz, $6::timestamptz, $7::timestamptz, $8::text, $9::text) "
    "returning id, user_id), "
    "trimmed as (delete from web_sessions where user_id = $2 and id in (select id from "
    "web_sessions where user_id = $2 order by last_seen_at desc, id desc offset $11::integer)) "
    "select definer_audit(user_id, $8, 'sign_in', user_id, id, null, "
    "jsonb_build_object('method', $10::text)) from made"};
constexpr statement session_find{
    "session_find",
    "select user_id, role, session_id, csrf_token, expires_at, rotation_due "
    "from definer_find_web_session($1::bytea, $2::bigint, $3::bigint, $4::bigint)"};
constexpr statement session_rotate{
    "session_rotate",
    "select definer_rotate_web_session($1::uuid, $2::bytea, $3::bytea, $4::bigint)"};
constexpr statement admitted_statement{
    "still_admitted", "select definer_still_admitted($1::uuid, $2::uuid, $3::uuid, $4::bigint)"};
constexpr statement session_list{
    "session_list",
    "select id, created_at, last_seen_at, expires_at, address, user_agent from web_sessions "
    "where user_id = $1::uuid and expires_at > now() "
    "and last_seen_at > now() - make_interval(secs => $2::bigint) "
    "order by created_at desc, id desc"};
constexpr statement session_end{
    "session_end",
    "with gone as (delete from web_sessions where id = $1::uuid and user_id = $2::uuid "
    "returning id, user_id) select id, definer_audit($3::uuid, $4::text, $5::text, user_id, id, "
    "null, '{}') from gone"};
constexpr statement session_end_others{
    "session_end_others",
    "with gone as (delete from web_sessions where user_id = $1::uuid "
    "and id is distinct from $2::uuid returning id, user_id) "
    "select id, definer_audit($3::uuid, $4::text, 'session_revoked', user_id, id, null, '{}') "
    "from gone"};

}  // namespace

core::status account_repository::create_web_session(const core::web_session& s,
                                                    const std::string& token_sha256) {
  // The new one is not yet seen by the statement that trims, so one less is kept.
  constexpr auto others_max =
      static_cast<std::int32_t>(core::limits::web_sessions_per_user_max - 1);
  pool_.take()->as_user(s.owner, session_open, s.id, s.owner, bytes{token_sha256}, s.csrf_token,
                        s.created_at, s.last_seen_at, s.expires_at, s.address, s.user_agent,
                        s.method, others_max);
  return core::done{};
}

std::optional<core::acting_user> account_repository::find_by_web_session(
    const std::string& token_sha256) {
  const auto rows = pool_.take()->run(session_find, bytes{token_sha256},
                                      static_cast<std::int64_t>(rules_.idle.count()),
                                      static_cast<std::int64_t>(rules_.grace.count()),
                                      static_cast<std::int64_t>(rules_.rotate.count()));
  if (rows.empty()) return std::nullopt;
  core::acting_user who;
  who.id = read_id<core::user_id>(rows[0][0].c_str());
  who.rights = read_role(rows[0][1].c_str());
  who.via_session = read_id<core::web_session_id>(rows[0][2].c_str());
  who.csrf_token = rows[0][3].c_str();
  who.expires_at = read_timestamp(rows[0][4].c_str());
  who.rotation_due = rows[0][5].as<bool>();
  return who;
}

bool account_repository::rotate_web_session(core::web_session_id id,
                                            const std::string& presented_sha256,
                                            const std::string& fresh_sha256) {
  return pool_.take()
      ->run(session_rotate, id, bytes{presented_sha256}, bytes{fresh_sha256},
            static_cast<std::int64_t>(rules_.rotate.count()))[0][0]
      .as<bool>();
}

bool account_repository::still_admitted(const core::acting_user& who) {
  return pool_.take()
      ->run(admitted_statement, who.id, who.via_key, who.via_session,
            static_cast<std::int64_t>(rules_.idle.count()))[0][0]
      .as<bool>();
}

std::vector<core::web_session> account_repository::list_web_sessions(core::user_id owner) {
  std::vector<core::web_session> sessions;
  for (const auto& row : pool_.take()->as_user(owner, session_list, owner,
                                               static_cast<std::int64_t>(rules_.idle.count()))) {
    core::web_session s;
    s.id = read_id<core::web_session_id>(row[0].c_str());
    s.owner = owner;
    s.created_at = read_timestamp(row[1].c_str());
    s.last_seen_at = read_timestamp(row[2].c_str());
    s.expires_at = read_timestamp(row[3].c_str());
    s.address = row[4].c_str();
    s.user_agent = row[5].c_str();
    sessions.push_back(std::move(s));
  }
  return sessions;
}

void account_repository::delete_web_session(core::user_id owner, core::web_session_id id,
                                            const core::change_origin& by) {
  pool_.take()->as_user(owner, session_end, id, owner, by.actor, by.address, "sign_out");
}

core::status account_repository::revoke_web_session(core::user_id owner, core::web_session_id id,
                                                    const core::change_origin& by) {
  if (pool_.take()
          ->as_user(owner, session_end, id, owner, by.actor, by.address, "session_revoked")
          .empty())
    return core::make_error(core::error_code::not_found, "Session not found");
  return core::done{};
}

std::vector<core::web_session_id> account_repository::revoke_other_web_sessions(
    core::user_id owner, std::optional<core::web_session_id> keep, const core::change_origin& by) {
  std::vector<core::web_session_id> ended;
  for (const auto& row :
       pool_.take()->as_user(owner, session_end_others, owner, keep, by.actor, by.address))
    ended.push_back(read_id<core::web_session_id>(row[0].c_str()));
  return ended;
}

}  // namespace samovar::storage
