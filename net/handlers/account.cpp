// GET/PATCH /auth/me and POST /auth/password.
#include "core/limits.hpp"
#include "net/handlers/all.hpp"
#include "net/handlers/sign_in.hpp"

namespace samovar::net {

namespace {

using core::error_code;

reply me(services& s, const request& r) {
  const auto user = found(s.accounts.find_user(r.actor.id), "User not found");
  auto out = json_reply(me_json(user, r.actor.csrf_token));
  out.headers.emplace_back("Cache-Control", "no-store");
  return out;
}

reply change_me(services& s, const request& r) {
  const json_body body(r.body);
  if (body.has("display_name"))
    take(s.accounts.set_display_name(
        r.actor.id, body.text("display_name", 1, core::limits::key_name_chars_max), made_by(r)));
  return me(s, r);
}

reply change_password(services& s, access_control& access, const request& r) {
  const json_body body(r.body);
  const auto user = found(s.accounts.find_user(r.actor.id), "User not found");
  const auto next = read_new_password(body, "new_password");
  const auto record = s.accounts.find_login(user.email);
  // Who signs in elsewhere (OpenID Connect) has no password yet and may set one from a session.
  const bool first_password = record && !record->password_hash && r.actor.via_session;
  if (!first_password) {
    const auto current = body.text("current_password", 0, core::limits::password_bytes_max);
    if (!access.allow_sign_in(user.email, r.remote_address))
      refuse(error_code::rate_limited, "Too many failed sign-ins; please wait");
    if (!record || !record->password_hash ||
        !s.secrets.verify_password(*record->password_hash, current)) {
      access.sign_in_failed(user.email, r.remote_address);
      s.audit.sign_in_failed(user.id, user.email, r.remote_address);
      refuse(error_code::forbidden, "The current password is not right", "current_password");
    }
  }
  // The other browsers are signed out at once; API keys, which know no password, go on.
  for (const auto& ended : take(s.accounts.set_password_hash(
           r.actor.id, s.secrets.hash_password(next), r.actor.via_session, made_by(r))))
    access.invalidate_session(ended);
  return no_content();
}

}  // namespace

std::vector<route> account_routes(services& s, access_control& access) {
  return {
      make_route("GET", "/api/v1/auth/me", [&](const request& r) { return me(s, r); }),
      make_route(
          "PATCH", "/api/v1/auth/me", [&](const request& r) { return change_me(s, r); },
          body_kind::json),
      hashing(make_route(
          "POST", "/api/v1/auth/password",
          [&](const request& r) { return change_password(s, access, r); }, body_kind::json)),
  };
}

}  // namespace samovar::net
