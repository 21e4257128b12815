#include "core/limits.hpp"
#include "storage/account_rows.hpp"
#include "storage/keyset.hpp"
#include "storage/repositories.hpp"

namespace samovar::storage {

namespace {

#define USER_COLUMNS                                                                 \
  "id, email, display_name, role, max_concurrent_jobs, max_images, max_storage_mb, " \
  "share_weight, image_count, storage_bytes, running_jobs, created_at, disabled_at"

constexpr statement count_statement{"user_count", "select definer_count_users()"};
constexpr statement create_statement{
    "user_create",
    "select definer_create_user($1::uuid, $2::text, $3::text, $4::text, $5::text, $6::uuid, "
    "$7::text)"};
constexpr statement first_admin_statement{
    "user_first_admin",
    "select definer_create_first_admin($1::uuid, $2::text, $3::text, $4::text, $5::text)"};
constexpr statement login_statement{
    "user_login", "select id, password_hash, disabled from definer_find_login($1::text)"};
constexpr statement find_statement{
    "user_find",
    "select id, email, display_name, role, max_concurrent_jobs, max_images, max_storage_mb, "
    "share_weight, image_count, storage_bytes, (select count(*)::integer from processing_jobs j "
    "where j.user_id = $1 and j.status = 'running'), created_at, disabled_at "
    "from users where id = $1::uuid"};
constexpr statement list_statement{"user_list",
                                   "select " USER_COLUMNS " from definer_list_users()"};
constexpr statement page_statement{
    "user_list_page",
    "select " USER_COLUMNS " from definer_users_page($1::timestamptz, $2::uuid, $3::bigint)"};
constexpr statement name_statement{
    "user_set_name",
    "with changed as (update users set display_name = $2::text where id = $1::uuid "
    "returning id, email) select definer_audit($3::uuid, $4::text, 'user_changed', id, id, email, "
    "jsonb_build_object('display_name', $2)) from changed"};
constexpr statement password_statement{
    "user_set_password",
    "with changed as (update users set password_hash = $2::text where id = $1::uuid "
    "returning id, email), "
    "ended as (delete from web_sessions where user_id = $1 and id is distinct from $3::uuid "
    "returning id), "
    "links as (delete from account_links where user_id = $1) "
    "select array(select id from ended), definer_audit($4::uuid, $5::text, 'password_changed', "
    "id, id, email, '{}') from changed"};
constexpr statement change_statement{
    "user_change",
    "select definer_change_user($1::uuid, $2::text, $3::text, $4::integer, $5::bigint, "
    "$6::bigint, $7::double precision, $8::boolean, $9::uuid, $10::text)"};
constexpr statement delete_statement{"user_delete",
                                     "select definer_delete_user($1::uuid, $2::uuid, $3::text)"};
// Keys made at the same time wait for each other, so that each counts those before it.
constexpr statement key_lock{"key_lock", "select from users where id = $1::uuid for no key update"};
constexpr statement key_insert{
    "key_insert",
    "with made as (insert into api_keys (id, user_id, name, prefix, secret_sha256, read_only, "
    "created_at, expires_at) select $1::uuid, $2::uuid, $3::text, $4::text, $5::bytea, "
    "$6::boolean, $7::timestamptz, $8::timestamptz "
    "where (select count(*) from api_keys where user_id = $2) < $11::integer "
    "returning id, user_id, name) "
    "select definer_audit($9::uuid, $10::text, 'key_created', user_id, id, name, "
    "jsonb_build_object('prefix', $4, 'read_only', $6, 'expires_at', $8)) from made"};
constexpr statement key_list{
    "key_list",
    "select id, user_id, name, prefix, read_only, created_at, expires_at, last_used_at "
    "from api_keys where user_id = $1::uuid order by created_at desc, id desc"};
constexpr statement key_delete{
    "key_delete",
    "with gone as (delete from api_keys where id = $1::uuid and user_id = $2::uuid "
    "returning id, user_id, name, prefix) "
    "select definer_audit($3::uuid, $4::text, 'key_revoked', user_id, id, name, "
    "jsonb_build_object('prefix', prefix)) from gone"};
constexpr statement key_find{
    "key_find",
    "select user_id, role, key_id, read_only, expires_at from definer_find_api_key($1::bytea)"};
constexpr statement key_touch{"key_touch", "select definer_touch_api_key($1::uuid)"};

core::user read_user(const pqxx::row& r) {
  core::user u;
  u.id = read_id<core::user_id>(r[0].c_str());
  u.email = r[1].c_str();
  u.display_name = r[2].c_str();
  u.rights = read_role(r[3].c_str());
  u.max_concurrent_jobs = r[4].as<int>();
  u.max_images = r[5].as<std::int64_t>();
  u.max_storage_mb = r[6].as<std::int64_t>();
  u.share_weight = r[7].as<double>();
  u.image_count = r[8].as<std::int64_t>();
  u.storage_bytes = r[9].as<std::int64_t>();
  u.running_jobs = r[10].as<int>();
  u.created_at = read_timestamp(r[11].c_str());
  u.disabled_at = read_optional_time(r[12]);
  return u;
}

}  // namespace

std::int64_t account_repository::count_users() {
  return pool_.take()->run(count_statement)[0][0].as<std::int64_t>();
}

core::status account_repository::create_user(const core::new_user& u,
                                             const core::change_origin& by) {
  const auto rows =
      pool_.take()->run(create_statement, u.id, u.email, u.display_name, u.password_hash,
                        std::string{core::to_string(u.rights)}, by.actor, by.address);
  if (!rows[0][0].as<bool>())
    return core::make_error(core::error_code::email_taken,
                            "An account with this email address exists already", "email");
  return core::done{};
}

core::status account_repository::create_first_admin(const core::new_user& u,
                                                    const core::change_origin& by) {
  const auto rows = pool_.take()->run(first_admin_statement, u.id, u.email, u.display_name,
                                      u.password_hash, by.address);
  if (!rows[0][0].as<bool>())
    return core::make_error(core::error_code::conflict, "Samovar has been set up already");
  return core::done{};
}

std::optional<core::login_record> account_repository::find_login(const std::string& email) {
  const auto rows = pool_.take()->run(login_statement, email);
  if (rows.empty()) return std::nullopt;
  core::login_record r;
  r.id = read_id<core::user_id>(rows[0][0].c_str());
  if (!rows[0][1].is_null()) r.password_hash = rows[0][1].c_str();
  r.disabled = rows[0][2].as<bool>();
  return r;
}

std::optional<core::user> account_repository::find_user(core::user_id id) {
  const auto rows = pool_.take()->as_user(id, find_statement, id);
  if (rows.empty()) return std::nullopt;
  return read_user(rows[0]);
}

std::vector<core::user> account_repository::list_users() {
  std::vector<core::user> users;
  for (const auto& row : pool_.take()->run(list_statement)) users.push_back(read_user(row));
  return users;
}

core::page<core::user> account_repository::list_users(const core::page_request& p) {
  auto oldest_first = p;
  oldest_first.oldest_first = true;
  const keyset start{oldest_first};
  core::page<core::user> page;
  for (const auto& row : pool_.take()->run(page_statement, start.at, start.id, start.fetch))
    page.items.push_back(read_user(row));
  finish_page(
      page, p.limit, [](const core::user& u) { return u.created_at; },
      [](const core::user& u) { return u.id.value; });
  return page;
}

core::status account_repository::set_display_name(core::user_id id, const std::string& name,
                                                  const core::change_origin& by) {
  if (pool_.take()->as_user(id, name_statement, id, name, by.actor, by.address).empty())
    return user_not_found();
  return core::done{};
}

core::outcome<std::vector<core::web_session_id>> account_repository::set_password_hash(
    core::user_id id, const std::string& hash, std::optional<core::web_session_id> keep,
    const core::change_origin& by) {
  const auto rows =
      pool_.take()->as_user(id, password_statement, id, hash, keep, by.actor, by.address);
  if (rows.empty()) return user_not_found();
  std::vector<core::web_session_id> ended;
  for (const auto& session : read_uuid_array(rows[0][0].c_str())) ended.push_back({session});
  return ended;
}

core::status account_repository::set_disabled(core::user_id id, bool disabled,
                                              const core::change_origin& by) {
  core::user_changes changes;
  changes.disabled = disabled;
  if (const auto changed = change_user(id, changes, by); !changed) return changed.failure();
  return core::done{};
}

core::outcome<core::user> account_repository::change_user(core::user_id id,
                                                          const core::user_changes& changes,
                                                          const core::change_origin& by) {
  std::optional<std::string> rights;
  if (changes.rights) rights = core::to_string(*changes.rights);
  const auto rows =
      pool_.take()->run(change_statement, id, changes.display_name, rights,
                        changes.max_concurrent_jobs, changes.max_images, changes.max_storage_mb,
                        changes.share_weight, changes.disabled, by.actor, by.address);
  if (!rows[0][0].as<bool>()) return user_not_found();
  auto changed = find_user(id);
  if (!changed) return user_not_found();
  return std::move(*changed);
}

core::status account_repository::delete_user(core::user_id id, const core::change_origin& by) {
  if (!pool_.take()->run_long(delete_statement, id, by.actor, by.address)[0][0].as<bool>())
    return user_not_found();
  return core::done{};
}

core::status account_repository::create_api_key(const core::api_key& key,
                                                const std::string& secret_sha256,
                                                const core::change_origin& by) {
  constexpr auto keys_max = static_cast<std::int32_t>(core::limits::api_keys_per_user_max);
  auto c = pool_.take();
  c->prepare(key_lock);
  c->prepare(key_insert);
  const auto rows = c->exec(
      set_user_text(key.owner) + ";" + execute_text(key_lock, key.owner) + ";" +
      execute_text(key_insert, key.id, key.owner, key.name, key.prefix, bytes{secret_sha256},
                   key.read_only, key.created_at, key.expires_at, by.actor, by.address, keys_max));
  if (rows.empty())
    return core::make_error(core::error_code::conflict,
                            "There are too many API keys; delete one first");
  return core::done{};
}

std::vector<core::api_key> account_repository::list_api_keys(core::user_id owner) {
  std::vector<core::api_key> keys;
  for (const auto& row : pool_.take()->as_user(owner, key_list, owner)) {
    core::api_key k;
    k.id = read_id<core::api_key_id>(row[0].c_str());
    k.owner = read_id<core::user_id>(row[1].c_str());
    k.name = row[2].c_str();
    k.prefix = row[3].c_str();
    k.read_only = row[4].as<bool>();
    k.created_at = read_timestamp(row[5].c_str());
    k.expires_at = read_optional_time(row[6]);
    k.last_used_at = read_optional_time(row[7]);
    keys.push_back(std::move(k));
  }
  return keys;
}

core::status account_repository::delete_api_key(core::user_id owner, core::api_key_id id,
                                                const core::change_origin& by) {
  if (pool_.take()->as_user(owner, key_delete, id, owner, by.actor, by.address).empty())
    return core::make_error(core::error_code::not_found, "API key not found");
  return core::done{};
}

std::optional<core::acting_user> account_repository::find_by_api_key(
    const std::string& secret_sha256) {
  const auto rows = pool_.take()->run(key_find, bytes{secret_sha256});
  if (rows.empty()) return std::nullopt;
  core::acting_user who;
  who.id = read_id<core::user_id>(rows[0][0].c_str());
  who.rights = read_role(rows[0][1].c_str());
  who.via_key = read_id<core::api_key_id>(rows[0][2].c_str());
  who.read_only = rows[0][3].as<bool>();
  who.expires_at = read_optional_time(rows[0][4]);
  return who;
}

void account_repository::touch_api_key(core::api_key_id id) { pool_.take()->run(key_touch, id); }

}  // namespace samovar::storage
