// /admin/users, /admin/queue and /admin/devices.
#include <algorithm>

#include "core/limits.hpp"
#include "net/account_changes.hpp"
#include "net/handlers/all.hpp"
#include "net/handlers/links.hpp"
#include "net/handlers/lists.hpp"
#include "net/handlers/sign_in.hpp"

namespace samovar::net {

namespace {

using core::error_code;
using shared_request = std::shared_ptr<const request>;

void write_admin_members(json_out& out, const core::user& u) {
  write_user_members(out, u);
  out.field("disabled", u.disabled_at.has_value()).field("disabled_at", u.disabled_at);
}

void write_admin_user(json_out& out, const core::user& u) {
  out.begin_object();
  write_admin_members(out, u);
  out.end_object();
}

reply user_reply(services& s, core::user_id id, int status) {
  std::string text;
  json_out out(text);
  write_admin_user(out, found(s.accounts.find_user(id), "User not found"));
  return json_reply(std::move(text), status);
}

reply list_users(services& s, const request& r) {
  return list_reply<core::user>(
      r, read_paging(r, true),
      {[&s](const auto& p) { return s.accounts.list_users(p); }, write_admin_user, ""});
}

core::role read_role(const json_body& body) {
  if (!body.has("role")) return core::role::user;
  const auto text = body.text("role", 0, 100);
  if (text == "user") return core::role::user;
  if (text != "admin")
    refuse(error_code::validation_failed, "role must be one of user, admin", "role");
  return core::role::admin;
}

reply create_user(services& s, const request& r) {
  const json_body body(r.body);
  core::new_user u;
  const auto email = core::normalize_email(body.text("email", 1, core::limits::email_chars_max));
  if (!email) refuse(error_code::validation_failed, "email must be an e-mail address", "email");
  u.email = *email;
  u.display_name = read_display_name(body, u.email);
  u.rights = read_role(body);
  if (body.has("password") && !body.is_null("password"))
    u.password_hash = s.secrets.hash_password(read_new_password(body, "password"));
  u.id = core::user_id{new_uuid(s)};
  take(s.accounts.create_user(u, made_by(r)));
  if (u.password_hash) return user_reply(s, u.id, 201);
  // Without a password the person sets one by a link.
  std::string text;
  json_out out(text);
  out.begin_object();
  write_admin_members(out, found(s.accounts.find_user(u.id), "User not found"));
  out.key("invite").begin_object();
  issue_link(s, r, u.id, core::link_kind::invite, out);
  out.end_object().end_object();
  auto answer = json_reply(std::move(text), 201);
  answer.headers.emplace_back("Cache-Control", "no-store");
  return answer;
}

core::user_changes read_changes(const json_body& body) {
  constexpr std::int32_t quota_max = 1'000'000'000;
  core::user_changes c;
  if (body.has("display_name"))
    c.display_name = body.text("display_name", 1, core::limits::key_name_chars_max);
  if (body.has("role")) c.rights = read_role(body);
  if (body.has("max_concurrent_jobs"))
    c.max_concurrent_jobs = body.integer_between("max_concurrent_jobs", 1, 1000);
  if (body.has("max_images")) c.max_images = body.integer_between("max_images", 0, quota_max);
  if (body.has("max_storage_mb"))
    c.max_storage_mb = body.integer_between("max_storage_mb", 0, quota_max);
  if (body.has("share_weight")) c.share_weight = body.number_between("share_weight", 0.001, 1000.0);
  if (body.has("disabled")) c.disabled = body.boolean_or("disabled", false);
  return c;
}

bool empty(const core::user_changes& c) {
  return !c.display_name && !c.rights && !c.max_concurrent_jobs && !c.max_images &&
         !c.max_storage_mb && !c.share_weight && !c.disabled;
}

reply change_user(services& s, access_control& access, const request& r) {
  const auto id = path_id<core::user_id>(r, 0, "id");
  const auto changes = read_changes(json_body(r.body));
  if (empty(changes)) return user_reply(s, id, 200);
  // There is always an admin left: the one who acts.
  if (id == r.actor.id && changes.disabled.value_or(false))
    refuse(error_code::conflict, "You can't disable your own account", "disabled");
  if (id == r.actor.id && changes.rights.value_or(core::role::admin) != core::role::admin)
    refuse(error_code::conflict, "You can't take away your own admin role", "role");
  const auto changed = take(s.accounts.change_user(id, changes, made_by(r)));
  if (changes.disabled || changes.rights) access.invalidate_user(id);
  account_changed(s, id);
  std::string text;
  json_out out(text);
  write_admin_user(out, changed);
  return json_reply(std::move(text));
}

reply delete_user(services& s, access_control& access, const request& r) {
  const auto id = path_id<core::user_id>(r, 0, "id");
  if (id == r.actor.id) refuse(error_code::conflict, "You can't delete your own account");
  take(s.accounts.delete_user(id, made_by(r)));
  access.invalidate_user(id);
  account_changed(s, id);
  return no_content();
}

void write_device(json_out& out, const actors::device_state& d) {
  out.begin_object()
      .field("id", d.id)
      .field("model", d.model)
      .field("healthy", d.healthy)
      .field("draining", d.draining)
      .field("units_done", d.units_done)
      .field("busy_seconds", d.busy_seconds)
      .field("busy_fraction", d.busy_fraction)
      .field("leases_out", d.leases_out)
      .end_object();
}

/// Answers with the device's state after the change.
void drain_device(services& s, const shared_request& r, const respond& respond) {
  const bool resume = json_body(r->body, true).boolean_or("resume", false);
  actors::reply<actors::device_state> answer([r, respond](auto outcome) {
    if (!outcome) return respond(error_reply(outcome.failure(), r->request_id));
    std::string text;
    json_out out(text);
    write_device(out, *outcome);
    respond(json_reply(std::move(text)));
  });
  if (resume)
    s.actors.resume_device(r->path_values.at(0), std::move(answer));
  else
    s.actors.drain_device(r->path_values.at(0), std::move(answer));
}

void write_waiting(json_out& out, const actors::queue_entry& q) {
  out.begin_object()
      .field("user_id", q.user)
      .field("waiting_units", q.waiting_units)
      .field("leases_out", q.leases_out)
      .field("served_seconds", q.served_seconds)
      .field("share_weight", q.share_weight)
      .key("devices")
      .begin_array();
  for (const auto& device : q.devices) out.value(device);
  out.end_array().end_object();
}

/// A list out of the supervisor's state; `slice` cuts the page asked for out of it.
template <class T>
later inspected(services& s, std::vector<T> actors::supervisor_state::*rows,
                core::page<T> (*slice)(std::vector<T>, const core::page_request&),
                void (*write)(json_out&, const T&)) {
  return [&s, rows, slice, write](const shared_request& r, const respond& respond) {
    const auto paging = read_paging(*r, true);
    s.actors.inspect(actors::reply<actors::supervisor_state>([=](auto outcome) {
      if (!outcome) return respond(error_reply(outcome.failure(), r->request_id));
      const auto all = (*outcome).*rows;
      respond(list_reply<T>(*r, paging, {[=](const auto& p) { return slice(all, p); }, write, ""}));
    }));
  };
}

/// Users come and go: pages follow their ids.
core::page<actors::queue_entry> slice_queue(std::vector<actors::queue_entry> rows,
                                            const core::page_request& p) {
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.user < b.user; });
  return slice(rows, p, [](const actors::queue_entry& q) {
    return core::cursor{{}, q.user.value};
  });
}

core::page<actors::device_state> slice_devices(std::vector<actors::device_state> rows,
                                               const core::page_request& p) {
  return slice(rows, p);
}

}  // namespace

std::vector<route> admin_routes(services& s, access_control& access) {
  const auto admin = net::access::admin;
  auto drain = make_later_route(
      "POST", "/api/v1/admin/devices/{id}/drain",
      [&](const shared_request& r, const respond& respond) { drain_device(s, r, respond); },
      body_kind::json, admin);
  drain.body_optional = true;
  return {
      noted_read(
          s, make_route(
                 "GET", "/api/v1/admin/users", [&](const request& r) { return list_users(s, r); },
                 body_kind::none, admin)),
      hashing(make_route(
          "POST", "/api/v1/admin/users", [&](const request& r) { return create_user(s, r); },
          body_kind::json, admin)),
      make_route(
          "PATCH", "/api/v1/admin/users/{id}",
          [&](const request& r) { return change_user(s, access, r); }, body_kind::json, admin),
      make_route(
          "DELETE", "/api/v1/admin/users/{id}",
          [&](const request& r) { return delete_user(s, access, r); }, body_kind::none, admin),
      std::move(drain),
      noted_read(s, make_later_route(
                        "GET", "/api/v1/admin/queue",
                        inspected(s, &actors::supervisor_state::queue, slice_queue, write_waiting),
                        body_kind::none, admin)),
      make_later_route(
          "GET", "/api/v1/admin/devices",
          inspected(s, &actors::supervisor_state::devices, slice_devices, write_device),
          body_kind::none, admin),
  };
}

}  // namespace samovar::net
