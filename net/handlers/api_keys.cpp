// GET/POST /api-keys and DELETE /api-keys/{id}.
#include "core/limits.hpp"
#include "net/handlers/all.hpp"
#include "net/handlers/lists.hpp"

namespace samovar::net {

namespace {

using core::error_code;

constexpr std::size_t prefix_chars = 12;

reply list_keys(services& s, const request& r) {
  const auto keys = s.accounts.list_api_keys(r.actor.id);
  const auto place = [](const core::api_key& k) { return core::cursor{k.created_at, k.id.value}; };
  return list_reply<core::api_key>(r, read_paging(r, false),
                                   {[=](const auto& p) { return slice(keys, p, place); },
                                    [](json_out& out, const core::api_key& k) {
                                      out.begin_object();
                                      write_api_key_members(out, k);
                                      out.end_object();
                                    },
                                    ""});
}

std::optional<core::timestamp> read_expiry(services& s, const json_body& body) {
  const auto text = body.nullable_text("expires_at", 40);
  if (!text) return std::nullopt;
  const auto at = core::parse_rfc3339(*text);
  if (!at)
    refuse(error_code::validation_failed, "expires_at must be an RFC 3339 time in UTC",
           "expires_at");
  if (*at <= now(s))
    refuse(error_code::validation_failed, "expires_at must lie in the future", "expires_at");
  return at;
}

reply create_key(services& s, const request& r) {
  const json_body body(r.body);
  core::api_key key;
  key.name = body.text("name", 1, core::limits::key_name_chars_max);
  key.read_only = body.boolean_or("read_only", false);
  key.expires_at = read_expiry(s, body);
  const auto secret = "smv_" + s.secrets.random_token();
  key.id = core::api_key_id{new_uuid(s)};
  key.owner = r.actor.id;
  key.prefix = secret.substr(0, prefix_chars);
  key.created_at = now(s);
  take(s.accounts.create_api_key(key, s.secrets.sha256(secret), made_by(r)));
  std::string text;
  json_out out(text);
  out.begin_object();
  write_api_key_members(out, key);
  out.field("secret", secret).field("key", secret).end_object();
  auto answer = json_reply(std::move(text), 201);
  answer.headers.emplace_back("Cache-Control", "no-store");
  return answer;
}

reply delete_key(services& s, access_control& access, const request& r) {
  const auto id = path_id<core::api_key_id>(r, 0, "id");
  take(s.accounts.delete_api_key(r.actor.id, id, made_by(r)));
  access.invalidate_key(id);
  return no_content();
}

}  // namespace

std::vector<route> api_key_routes(services& s, access_control& access) {
  return {
      make_route("GET", "/api/v1/api-keys", [&](const request& r) { return list_keys(s, r); }),
      make_route(
          "POST", "/api/v1/api-keys", [&](const request& r) { return create_key(s, r); },
          body_kind::json),
      make_route("DELETE", "/api/v1/api-keys/{id}",
                 [&](const request& r) { return delete_key(s, access, r); }),
  };
}

}  // namespace samovar::net
