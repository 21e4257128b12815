#include "fakes.hpp"
#include "net/handlers/lists.hpp"

namespace samovar::net::testing {

namespace {

using core::error_code;
using core::make_error;

core::error not_found(const char* sentence) { return make_error(error_code::not_found, sentence); }

}  // namespace

fake_accounts::account* fake_accounts::find(core::user_id id) {
  for (auto& a : accounts)
    if (a.user.id == id) return &a;
  return nullptr;
}
core::status fake_accounts::create_user(const core::new_user& u, const core::change_origin& by) {
  last_by = by;
  for (const auto& a : accounts)
    if (a.user.email == u.email)
      return make_error(error_code::email_taken, "The e-mail address is taken");
  core::user row;
  row.id = u.id;
  row.email = u.email;
  row.display_name = u.display_name;
  row.rights = u.rights;
  accounts.push_back({row, u.password_hash});
  return core::done{};
}
core::status fake_accounts::create_first_admin(const core::new_user& u,
                                               const core::change_origin& by) {
  if (!accounts.empty()) return make_error(error_code::conflict, "There is a user already");
  auto admin = u;
  admin.rights = core::role::admin;
  return create_user(admin, by);
}
std::optional<core::login_record> fake_accounts::find_login(const std::string& email) {
  for (const auto& a : accounts)
    if (a.user.email == email)
      return core::login_record{a.user.id, a.hash, a.user.disabled_at.has_value()};
  return std::nullopt;
}
std::optional<core::user> fake_accounts::find_user(core::user_id id) {
  if (away) throw core::store_unavailable("away");
  if (while_finding) while_finding();
  if (const auto* a = find(id)) return a->user;
  return std::nullopt;
}
std::vector<core::user> fake_accounts::list_users() {
  std::vector<core::user> out;
  for (const auto& a : accounts) out.push_back(a.user);
  return out;
}
core::page<core::user> fake_accounts::list_users(const core::page_request& p) {
  auto oldest_first = p;
  oldest_first.oldest_first = true;
  return net::slice(list_users(), oldest_first, [](const core::user& u) {
    return core::cursor{u.created_at, u.id.value};
  });
}
core::status fake_accounts::set_display_name(core::user_id id, const std::string& name,
                                             const core::change_origin&) {
  find(id)->user.display_name = name;
  return core::done{};
}
core::outcome<std::vector<core::web_session_id>> fake_accounts::set_password_hash(
    core::user_id id, const std::string& hash, std::optional<core::web_session_id> keep,
    const core::change_origin& by) {
  find(id)->hash = hash;
  return revoke_other_web_sessions(id, keep, by);
}
core::status fake_accounts::set_disabled(core::user_id id, bool disabled,
                                         const core::change_origin&) {
  auto* a = find(id);
  if (!a) return not_found("User not found");
  if (disabled)
    a->user.disabled_at = core::timestamp{};
  else
    a->user.disabled_at.reset();
  return core::done{};
}
core::outcome<core::user> fake_accounts::change_user(core::user_id id,
                                                     const core::user_changes& changes,
                                                     const core::change_origin& by) {
  last_by = by;
  auto* a = find(id);
  if (!a) return not_found("User not found");
  auto& u = a->user;
  u.display_name = changes.display_name.value_or(u.display_name);
  u.rights = changes.rights.value_or(u.rights);
  u.max_concurrent_jobs = changes.max_concurrent_jobs.value_or(u.max_concurrent_jobs);
  u.max_images = changes.max_images.value_or(u.max_images);
  u.max_storage_mb = changes.max_storage_mb.value_or(u.max_storage_mb);
  u.share_weight = changes.share_weight.value_or(u.share_weight);
  if (changes.disabled) set_disabled(id, *changes.disabled, by);
  return u;
}
core::status fake_accounts::delete_user(core::user_id id, const core::change_origin& by) {
  last_by = by;
  const auto n = std::erase_if(accounts, [&](const auto& a) { return a.user.id == id; });
  if (n == 0) return not_found("User not found");
  return core::done{};
}
core::status fake_accounts::create_api_key(const core::api_key& key, const std::string& sha,
                                           const core::change_origin& by) {
  last_by = by;
  if (list_api_keys(key.owner).size() >= 100)
    return make_error(error_code::conflict, "There are too many API keys; delete one first");
  keys.emplace_back(key, sha);
  return core::done{};
}
std::vector<core::api_key> fake_accounts::list_api_keys(core::user_id owner) {
  std::vector<core::api_key> out;
  for (const auto& [key, sha] : keys)
    if (key.owner == owner) out.insert(out.begin(), key);
  return out;
}
core::status fake_accounts::delete_api_key(core::user_id owner, core::api_key_id id,
                                           const core::change_origin&) {
  const auto n = std::erase_if(
      keys, [&](const auto& k) { return k.first.owner == owner && k.first.id == id; });
  if (n == 0) return not_found("API key not found");
  return core::done{};
}
core::status fake_accounts::create_web_session(const core::web_session& s, const std::string& sha) {
  sessions.emplace_back(s, sha);
  return core::done{};
}
void fake_accounts::delete_web_session(core::user_id owner, core::web_session_id id,
                                       const core::change_origin&) {
  std::erase_if(sessions,
                [&](const auto& s) { return s.first.owner == owner && s.first.id == id; });
}

std::vector<core::web_session> fake_accounts::list_web_sessions(core::user_id owner) {
  std::vector<core::web_session> out;
  for (const auto& [session, sha] : sessions)
    if (session.owner == owner) out.insert(out.begin(), session);
  return out;
}
core::status fake_accounts::revoke_web_session(core::user_id owner, core::web_session_id id,
                                               const core::change_origin& by) {
  const auto before = sessions.size();
  delete_web_session(owner, id, by);
  if (sessions.size() == before) return not_found("Session not found");
  return core::done{};
}
std::vector<core::web_session_id> fake_accounts::revoke_other_web_sessions(
    core::user_id owner, std::optional<core::web_session_id> keep, const core::change_origin& by) {
  last_by = by;
  std::vector<core::web_session_id> ended;
  for (const auto& s : list_web_sessions(owner))
    if (s.id != keep) ended.push_back(s.id);
  for (const auto& id : ended) delete_web_session(owner, id, by);
  return ended;
}

core::status fake_links::issue(const core::new_link& link, const std::string& sha,
                               const core::change_origin& by) {
  if (!accounts.find(link.user)) return not_found("User not found");
  std::erase_if(open, [&](const auto& l) { return l.second.user == link.user; });
  open[sha] = link;
  accounts.last_by = by;
  return core::done{};
}
std::optional<core::account_link> fake_links::find(const std::string& sha) {
  const auto it = open.find(sha);
  if (it == open.end()) return std::nullopt;
  const auto& u = accounts.find(it->second.user)->user;
  return core::account_link{it->second.kind, u.email, u.display_name, it->second.expires_at};
}
std::optional<core::redeemed_link> fake_links::redeem(const std::string& sha,
                                                      const std::string& hash,
                                                      const std::optional<std::string>& name,
                                                      const std::string&) {
  const auto it = open.find(sha);
  if (it == open.end()) return std::nullopt;
  const core::redeemed_link out{it->second.user, it->second.kind};
  open.erase(it);
  auto* a = accounts.find(out.user);
  a->hash = hash;
  if (name) a->user.display_name = *name;
  accounts.revoke_other_web_sessions(out.user, std::nullopt, {});
  return out;
}

core::audit_page fake_audit::list(const core::audit_query& q) {
  last_query = q;
  core::audit_page page;
  for (auto e = entries.rbegin(); e != entries.rend(); ++e) {
    if (q.action && e->action != *q.action) continue;
    ++page.total;
    if ((q.before && e->id >= *q.before) || page.entries.size() >= q.limit) continue;
    page.entries.push_back(*e);
  }
  return page;
}

}  // namespace samovar::net::testing
