// GET /auth/providers, /auth/oidc/login, /auth/oidc/callback; POST /auth/oidc/link.
#include "net/handlers/oidc.hpp"

#include <spdlog/spdlog.h>

#include "net/handlers/sign_in.hpp"
#include "net/oidc_accounts.hpp"
#include "net/oidc_client.hpp"
#include "net/oidc_text.hpp"
#include "net/text.hpp"

namespace samovar::net {

namespace {

using core::error_code;

constexpr const char* login_path = "/api/v1/auth/oidc/login";
constexpr std::size_t identities_per_user_max = 20;

/// Where the web page shows how it went.
constexpr const char* sign_in_page = "/sign-in?error=";
constexpr const char* linked_page = "/account?linked=1";
constexpr const char* not_linked_page = "/account?link_error=";

/// What the handlers here work with.
struct sign_on {
  services& all;
  access_control& access;
  core::identity_store& identities;
  oidc_client* client;

  oidc_client& configured() const {
    if (client == nullptr)
      refuse(error_code::not_found, "Single sign-on is not set up on this server");
    return *client;
  }
};

/// __Host-: under TLS no neighbour on a sub-domain can plant it.
std::string cookie_name(const request& r) {
  return r.secure ? "__Host-samovar_oidc" : "samovar_oidc";
}

/// Lax, so that it comes back with the provider's redirect.
std::string browser_cookie(const request& r, const std::string& value) {
  const auto seconds = std::chrono::seconds(pending_sign_ins::lifetime).count();
  return cookie_name(r) + "=" + value + "; Path=/; HttpOnly; SameSite=Lax; Max-Age=" +
         std::to_string(value.empty() ? 0 : seconds) + (r.secure ? "; Secure" : "");
}

std::string cookie_of(const request& r, const std::string& name) {
  const auto header = r.header("cookie");
  const auto value = header ? cookie_value(*header, name) : std::nullopt;
  return value ? std::string(*value) : std::string();
}

reply redirect(std::string to) {
  reply out;
  out.status = 302;
  out.content_type.clear();
  out.headers.emplace_back("Location", std::move(to));
  out.headers.emplace_back("Cache-Control", "no-store");
  return out;
}

void log_refusal(const request& r, const char* what, const oidc_refusal& why) {
  spdlog::warn("oidc: {} refused [{}]: {}: {}", what, r.request_id, to_string(why.code), why.why);
}

reply providers(const sign_on& s) {
  std::string text;
  json_out out(text);
  out.begin_object()
      .field("password", true)
      .field("registration", s.all.config.allow_registration)
      .key("oidc");
  if (s.client == nullptr) {
    out.null();
  } else {
    out.begin_object()
        .field("name", s.client->settings().name)
        .field("login_url", login_path)
        .end_object();
  }
  out.end_object();
  return json_reply(std::move(text));
}

reply begin_login(const sign_on& s, const request& r) {
  auto& oidc = s.configured();
  const auto back = safe_return_path(query_value(r, "return_to").value_or("/"));
  const auto begun = oidc.begin(cookie_of(r, cookie_name(r)), back, r.remote_address, std::nullopt);
  if (const auto* failed = std::get_if<oidc_refusal>(&begun)) {
    log_refusal(r, "sign-in", *failed);
    return redirect(sign_in_page + std::string(to_string(failed->code)));
  }
  const auto& b = std::get<oidc_client::begun>(begun);
  auto out = redirect(b.location);
  out.headers.emplace_back("Set-Cookie", browser_cookie(r, b.cookie));
  return out;
}

reply begin_link(const sign_on& s, const request& r) {
  auto& oidc = s.configured();
  if (!r.actor.via_session)
    refuse(error_code::forbidden, "Sign in on the web page to link a sign-in");
  if (s.identities.list_identities(r.actor.id).size() >= identities_per_user_max)
    refuse(error_code::conflict, "There are too many linked sign-ins; remove one first");
  const auto begun = oidc.begin(cookie_of(r, cookie_name(r)), linked_page, r.remote_address,
                                oidc_linking{r.actor.id, *r.actor.via_session});
  if (const auto* failed = std::get_if<oidc_refusal>(&begun)) {
    log_refusal(r, "linking", *failed);
    refuse(error_code::unavailable, "The sign-in provider cannot be reached just now");
  }
  const auto& b = std::get<oidc_client::begun>(begun);
  std::string text;
  json_out out(text);
  out.begin_object().field("location", b.location).end_object();
  auto answer = json_reply(std::move(text));
  answer.headers.emplace_back("Set-Cookie", browser_cookie(r, b.cookie));
  return answer;
}

core::identity identity_of(const sign_on& s, const oidc_person& p, core::user_id owner) {
  core::identity i;
  i.id = core::identity_id{new_uuid(s.all)};
  i.owner = owner;
  i.issuer = p.issuer;
  i.subject = p.subject;
  i.email = p.email;
  i.created_at = now(s.all);
  return i;
}

account_facts look_up(const sign_on& s, const oidc_person& p) {
  account_facts f;
  f.identity = s.identities.find_identity(p.issuer, p.subject);
  if (!f.identity && p.email)
    if (const auto login = s.all.accounts.find_login(*p.email))
      f.account = account_facts::same_address{login->id, login->disabled};
  return f;
}

oidc_result<core::user_id> create(const sign_on& s, const oidc_person& p,
                                  const std::string& address) {
  const auto i = identity_of(s, p, core::user_id{new_uuid(s.all)});
  const auto name = p.name.empty() ? p.email->substr(0, p.email->find('@')) : p.name;
  const auto made = s.identities.create_user_with_identity(i, *p.email, name, address);
  if (made) return i.owner;
  // The same person in two tabs: the other one made the account.
  const auto other = s.identities.find_identity(p.issuer, p.subject);
  if (!other) return oidc_refusal{oidc_error::account_exists, "an account has this address by now"};
  if (other->disabled) return oidc_refusal{oidc_error::account_disabled, "the account is disabled"};
  return other->user;
}

oidc_result<core::user_id> enter(const sign_on& s, const oidc_person& p,
                                 const std::string& address) {
  const auto decision = decide(p, look_up(s, p), s.client->settings());
  if (const auto* no = std::get_if<oidc_refusal>(&decision)) return *no;
  if (std::holds_alternative<create_account>(decision)) return create(s, p, address);
  if (const auto* adopted = std::get_if<adopt_account>(&decision)) {
    if (!s.identities.link_identity(identity_of(s, p, adopted->user), address))
      return oidc_refusal{oidc_error::identity_taken, "the identity was linked in between"};
    return adopted->user;
  }
  const auto& known = std::get<sign_in_as>(decision);
  s.identities.note_sign_in(known.identity, p.email);
  return known.user;
}

reply sign_in(const sign_on& s, const request& r, const oidc_arrival& a) {
  const auto& person = std::get<oidc_person>(a.who);
  const auto user = enter(s, person, r.remote_address);
  if (const auto* no = std::get_if<oidc_refusal>(&user)) {
    log_refusal(r, "sign-in", *no);
    return redirect(sign_in_page + std::string(to_string(no->code)));
  }
  const auto id = std::get<core::user_id>(user);
  if (person.admin && s.identities.apply_admin_group(id, *person.admin, r.remote_address)) {
    s.access.invalidate_user(id);
    spdlog::info("oidc: a group made user {} {}", to_string(id),
                 *person.admin ? "an administrator" : "an ordinary user");
  }
  auto session = signed_in_reply(s.all, r, id, 200);
  auto out = redirect(a.return_to);
  for (auto& [name, value] : session.headers)
    if (name == "Set-Cookie") out.headers.emplace_back(name, std::move(value));
  spdlog::info("oidc: user {} signed in [{}]", to_string(id), r.request_id);
  return out;
}

/// The browser must still be signed in as it was when the linking began.
bool same_session(const sign_on& s, const request& r, const oidc_linking& link) {
  const auto token = cookie_of(r, "samovar_session");
  if (token.empty()) return false;
  const auto actor = s.all.accounts.find_by_web_session(s.all.secrets.sha256(token));
  return actor && actor->id == link.user && actor->via_session == link.session;
}

std::optional<oidc_refusal> link(const sign_on& s, const request& r, const oidc_arrival& a) {
  const auto& person = std::get<oidc_person>(a.who);
  if (!same_session(s, r, *a.link))
    return oidc_refusal{oidc_error::session_ended, "the session that began the linking is over"};
  if (auto no = check_domain(person, s.client->settings())) return no;
  if (!s.identities.link_identity(identity_of(s, person, a.link->user), r.remote_address))
    return oidc_refusal{oidc_error::identity_taken, "the identity is another account's"};
  return std::nullopt;
}

reply answer_arrival(const sign_on& s, const request& r, oidc_arrival a) {
  auto refusal = std::holds_alternative<oidc_refusal>(a.who)
                     ? std::optional(std::get<oidc_refusal>(a.who))
                     : std::nullopt;
  if (!a.link) {
    if (!refusal) return sign_in(s, r, a);
    log_refusal(r, "sign-in", *refusal);
    return redirect(sign_in_page + std::string(to_string(refusal->code)));
  }
  if (!refusal) refusal = link(s, r, a);
  if (!refusal) return redirect(a.return_to);
  log_refusal(r, "linking", *refusal);
  return redirect(not_linked_page + std::string(to_string(refusal->code)));
}

reply finish(const sign_on& s, const request& r) {
  auto& oidc = s.configured();
  const auto cookie = cookie_of(r, cookie_name(r));
  const double seconds = static_cast<double>(s.all.now_unix_us()) / 1e6;
  auto out = answer_arrival(s, r, oidc.finish(r.query, cookie, r.remote_address, seconds));
  if (!cookie.empty() && !oidc.awaits(cookie))
    out.headers.emplace_back("Set-Cookie", browser_cookie(r, ""));
  return out;
}

}  // namespace

std::vector<route> oidc_routes(services& all, access_control& access,
                               core::identity_store& identities, oidc_client* client) {
  using a = net::access;
  const auto s = std::make_shared<const sign_on>(sign_on{all, access, identities, client});
  return {
      make_route(
          "GET", "/api/v1/auth/providers", [s](const request&) { return providers(*s); },
          body_kind::none, a::open),
      make_route(
          "GET", login_path, [s](const request& r) { return begin_login(*s, r); }, body_kind::none,
          a::open),
      make_route(
          "GET", "/api/v1/auth/oidc/callback", [s](const request& r) { return finish(*s, r); },
          body_kind::none, a::open),
      make_route("POST", "/api/v1/auth/oidc/link",
                 [s](const request& r) { return begin_link(*s, r); }),
  };
}

}  // namespace samovar::net
