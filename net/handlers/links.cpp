// POST /auth/links/inspect and /auth/links/redeem; POST /admin/users/{id}/link.
#include "net/handlers/links.hpp"

#include "core/limits.hpp"
#include "net/handlers/all.hpp"
#include "net/handlers/sign_in.hpp"

namespace samovar::net {

namespace {

using core::error_code;

constexpr std::size_t token_bytes_max = 128;

/// Where this server is for whoever asks.
std::string base_url(const services& s, const request& r) {
  auto url = s.config.public_url;
  while (url.ends_with('/')) url.pop_back();
  if (!url.empty()) return url;
  return (r.secure ? "https://" : "http://") + r.header("host").value_or(s.config.address);
}

[[noreturn]] void refuse_link() {
  refuse(error_code::link_invalid, "This link is not valid: it was used, replaced, or has expired");
}

std::string read_token(access_control& access, const request& r, const json_body& body) {
  if (!access.allow_registration(r.remote_address))
    refuse(error_code::rate_limited, "Too many attempts from this address; please wait");
  return body.text("token", 1, token_bytes_max);
}

reply inspect_link(services& s, access_control& access, const request& r) {
  const json_body body(r.body);
  const auto link = s.links.find(s.secrets.sha256(read_token(access, r, body)));
  if (!link) refuse_link();
  std::string text;
  json_out out(text);
  out.begin_object()
      .field("kind", std::string(core::to_string(link->kind)))
      .field("email", link->email)
      .field("display_name", link->display_name)
      .field("expires_at", link->expires_at)
      .end_object();
  auto answer = json_reply(std::move(text));
  answer.headers.emplace_back("Cache-Control", "no-store");
  return answer;
}

reply redeem_link(services& s, access_control& access, const request& r) {
  const json_body body(r.body);
  const auto digest = s.secrets.sha256(read_token(access, r, body));
  const auto password = read_new_password(body, "password");
  std::optional<std::string> name;
  if (auto given = body.nullable_text("display_name", core::limits::key_name_chars_max))
    if (!given->empty()) name = std::move(given);
  if (!s.links.find(digest)) refuse_link();  // before the hash, which is dear
  const auto used =
      s.links.redeem(digest, s.secrets.hash_password(password), name, r.remote_address);
  if (!used) refuse_link();
  access.invalidate_user_sessions(used->user);
  return signed_in_reply(s, r, used->user, 200, "link");
}

reply create_link(services& s, const request& r) {
  const auto id = path_id<core::user_id>(r, 0, "id");
  const auto kind = json_body(r.body).text("kind", 1, 20);
  if (kind != "invite" && kind != "reset")
    refuse(error_code::validation_failed, "kind must be one of invite, reset", "kind");
  std::string text;
  json_out out(text);
  out.begin_object();
  issue_link(s, r, id, kind == "reset" ? core::link_kind::reset : core::link_kind::invite, out);
  out.end_object();
  auto answer = json_reply(std::move(text), 201);
  answer.headers.emplace_back("Cache-Control", "no-store");
  return answer;
}

}  // namespace

void issue_link(services& s, const request& r, core::user_id user, core::link_kind kind,
                json_out& out) {
  const auto token = s.secrets.random_token();
  const auto expires_at = now(s) + std::chrono::seconds(s.config.link_s);
  take(s.links.issue({new_uuid(s), user, kind, expires_at}, s.secrets.sha256(token), made_by(r)));
  const std::string word(core::to_string(kind));
  out.field("kind", word)
      .field("url", base_url(s, r) + "/#/" + word + "?token=" + token)
      .field("expires_at", expires_at);
}

std::vector<route> link_routes(services& s, access_control& access) {
  return {
      make_route(
          "POST", "/api/v1/auth/links/inspect",
          [&](const request& r) { return inspect_link(s, access, r); }, body_kind::json,
          net::access::open),
      hashing(make_route(
          "POST", "/api/v1/auth/links/redeem",
          [&](const request& r) { return redeem_link(s, access, r); }, body_kind::json,
          net::access::open)),
      make_route(
          "POST", "/api/v1/admin/users/{id}/link",
          [&](const request& r) { return create_link(s, r); }, body_kind::json, net::access::admin),
  };
}

}  // namespace samovar::net
