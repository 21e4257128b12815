// POST /auth/setup, /auth/register, /auth/login, /auth/logout.
#include "net/handlers/sign_in.hpp"

#include "core/limits.hpp"
#include "net/handlers/all.hpp"

namespace samovar::net {

namespace {

using core::error_code;

void check_registration_rate(access_control& access, const request& r) {
  if (!access.allow_registration(r.remote_address))
    refuse(error_code::rate_limited, "Too many attempts from this address; please wait");
}

core::new_user make_user(services& s, const json_body& body, core::role rights) {
  const auto credentials = read_new_credentials(body);
  core::new_user u;
  u.id = core::user_id{new_uuid(s)};
  u.email = credentials.email;
  u.display_name = read_display_name(body, credentials.email);
  u.password_hash = s.secrets.hash_password(credentials.password);
  u.rights = rights;
  return u;
}

reply set_up(services& s, access_control& access, const request& r) {
  check_registration_rate(access, r);
  const json_body body(r.body);
  const auto token = body.text("token", 0, 1024);
  read_new_credentials(body);
  const auto expected = s.setup_token();
  if (expected.empty() || s.accounts.count_users() > 0)
    refuse(error_code::conflict, "This server has already been set up");
  if (!same_secret(token, expected))
    refuse(error_code::forbidden, "The setup token is not right", "token");
  const auto user = make_user(s, body, core::role::admin);
  take(s.accounts.create_first_admin(user, made_by(r)));
  s.setup_done();
  return signed_in_reply(s, r, user.id, 201, "setup");
}

reply register_user(services& s, access_control& access, const request& r) {
  if (!s.config.allow_registration)
    refuse(error_code::forbidden, "Self-registration is switched off on this server");
  check_registration_rate(access, r);
  const json_body body(r.body);
  const auto user = make_user(s, body, core::role::user);
  take(s.accounts.create_user(user, made_by(r)));
  return signed_in_reply(s, r, user.id, 201, "register");
}

[[noreturn]] void refuse_sign_in() {
  refuse(error_code::invalid_credentials, "The e-mail address or the password is not right");
}

reply log_in(services& s, access_control& access, const request& r) {
  const json_body body(r.body);
  const auto email_given = body.text("email", 1, core::limits::password_bytes_max);
  const auto password = body.text("password", 1, core::limits::password_bytes_max);
  const auto email = core::normalize_email(email_given);
  const auto account = email.value_or(email_given);
  if (!access.allow_sign_in(account, r.remote_address))
    refuse(error_code::rate_limited, "Too many failed sign-ins; please wait");
  const auto record = email ? s.accounts.find_login(*email) : std::nullopt;
  bool right = false;
  if (record && record->password_hash)
    right = s.secrets.verify_password(*record->password_hash, password);
  else
    s.secrets.waste_verification(password);  // an unknown account must take as long
  if (!right || record->disabled) {
    access.sign_in_failed(account, r.remote_address);
    // Written for known and unknown accounts alike, so that both take as long.
    s.audit.sign_in_failed(record ? std::optional(record->id) : std::nullopt, email,
                           r.remote_address);
    refuse_sign_in();
  }
  return signed_in_reply(s, r, record->id, 200);
}

reply log_out(services& s, access_control& access, const request& r) {
  if (const auto session = r.actor.via_session) {
    s.accounts.delete_web_session(r.actor.id, *session, made_by(r));
    access.invalidate_session(*session);
  }
  auto out = no_content();
  out.headers.emplace_back("Set-Cookie", session_cookie("", r.secure, 0));
  return out;
}

}  // namespace

new_credentials read_new_credentials(const json_body& body) {
  const auto given = body.text("email", 1, core::limits::email_chars_max);
  const auto email = core::normalize_email(given);
  if (!email) refuse(error_code::validation_failed, "email must be an e-mail address", "email");
  return {*email, read_new_password(body, "password")};
}

std::string read_new_password(const json_body& body, const char* field) {
  auto password =
      body.text(field, core::limits::password_chars_min, core::limits::password_bytes_max);
  if (password.size() > core::limits::password_bytes_max)
    refuse(error_code::validation_failed, std::string(field) + " is too long", field);
  return password;
}

std::string read_display_name(const json_body& body, const std::string& email) {
  if (auto name = body.nullable_text("display_name", core::limits::key_name_chars_max))
    if (!name->empty()) return *name;
  return email.substr(0, email.find('@'));
}

std::string me_json(const core::user& u, const std::string& csrf_token) {
  std::string text;
  json_out out(text);
  out.begin_object();
  write_user_members(out, u);
  out.key("csrf_token");
  if (csrf_token.empty())
    out.null();
  else
    out.value(csrf_token);
  out.end_object();
  return text;
}

namespace {

/// What the browser calls itself, cut to size; empty when it isn't text.
std::string user_agent_of(const request& r) {
  auto text = r.header("user-agent").value_or("");
  if (!valid_utf8(text) || text.find('\0') != std::string::npos) return {};
  if (text.size() <= core::limits::user_agent_chars_max) return text;
  auto end = core::limits::user_agent_chars_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace

opened_session open_session(services& s, const request& r, core::user_id user, std::string method) {
  const auto token = s.secrets.random_token();
  const auto lifetime = s.accounts.rules().lifetime;
  core::web_session session;
  session.id = core::web_session_id{new_uuid(s)};
  session.owner = user;
  session.csrf_token = s.secrets.random_token();
  session.created_at = session.last_seen_at = now(s);
  session.expires_at = session.created_at + lifetime;
  session.address = r.remote_address;
  session.user_agent = user_agent_of(r);
  session.method = std::move(method);
  take(s.accounts.create_web_session(session, s.secrets.sha256(token)));
  return {session_cookie(token, r.secure, lifetime.count()), session.csrf_token};
}

reply signed_in_reply(services& s, const request& r, core::user_id user, int status,
                      std::string method) {
  const auto session = open_session(s, r, user, std::move(method));
  const auto account = found(s.accounts.find_user(user), "User not found");
  auto out = json_reply(me_json(account, session.csrf_token), status);
  out.headers.emplace_back("Set-Cookie", session.cookie);
  out.headers.emplace_back("Cache-Control", "no-store");
  return out;
}

std::vector<route> sign_in_routes(services& s, access_control& access) {
  using a = net::access;
  return {
      hashing(make_route(
          "POST", "/api/v1/auth/setup", [&](const request& r) { return set_up(s, access, r); },
          body_kind::json, a::open)),
      hashing(make_route(
          "POST", "/api/v1/auth/register",
          [&](const request& r) { return register_user(s, access, r); }, body_kind::json, a::open)),
      hashing(make_route(
          "POST", "/api/v1/auth/login", [&](const request& r) { return log_in(s, access, r); },
          body_kind::json, a::open)),
      make_route("POST", "/api/v1/auth/logout",
                 [&](const request& r) { return log_out(s, access, r); }),
  };
}

}  // namespace samovar::net
