#include "net/oidc_client.hpp"

#include "net/oidc_text.hpp"

namespace samovar::net {

namespace {

constexpr std::size_t addresses_max = 10'000;
/// Callbacks that made us ask the provider in vain.
constexpr bucket_rule failure_rule{1.0, 60.0};
constexpr std::size_t cookie_chars = 43;

template <class T>
const oidc_refusal* refused_by(const oidc_result<T>& r) {
  return std::get_if<oidc_refusal>(&r);
}

oidc_refusal busy() { return {oidc_error::busy, "too many sign-ins at once"}; }

}  // namespace

/// One of the few calls that may wait for the provider.
class oidc_client::turn {
 public:
  explicit turn(oidc_client& c) : c_(c), taken_(++c.at_once_ <= c.at_once_max_) {}
  ~turn() { --c_.at_once_; }
  turn(const turn&) = delete;
  turn& operator=(const turn&) = delete;
  explicit operator bool() const { return taken_; }

 private:
  oidc_client& c_;
  bool taken_;
};

oidc_client::oidc_client(oidc_settings s, std::unique_ptr<http_fetcher> http,
                         const core::secrets& secrets, std::size_t at_once_max,
                         oidc_provider::clock now)
    : settings_(std::move(s)),
      http_(std::move(http)),
      secrets_(secrets),
      at_once_max_(at_once_max),
      now_(std::move(now)),
      provider_(settings_, *http_, now_),
      failures_(failure_rule, addresses_max) {}

void oidc_client::set_base_url(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  const std::lock_guard lock(mutex_);
  base_url_ = std::move(url);
}

std::string oidc_client::redirect_uri() const {
  const std::lock_guard lock(mutex_);
  return base_url_.empty() ? "" : base_url_ + "/api/v1/auth/oidc/callback";
}

oidc_result<oidc_client::begun> oidc_client::begin(const std::string& cookie,
                                                   const std::string& return_to,
                                                   const std::string& address,
                                                   std::optional<oidc_linking> link) {
  const turn mine(*this);
  if (!mine) return busy();
  const auto known = provider_.metadata();
  if (const auto* failed = refused_by(known)) return *failed;
  authorization a;
  a.redirect_uri = redirect_uri();
  if (a.redirect_uri.empty())
    return oidc_refusal{oidc_error::unavailable, "the server's own address is not known yet"};
  a.state = secrets_.random_token();
  a.nonce = secrets_.random_token();
  a.verifier = secrets_.random_token();
  begun b;
  const bool keep = cookie.size() == cookie_chars && awaits(cookie);
  b.cookie = keep ? cookie : secrets_.random_token();
  b.location = authorization_url(*std::get<0>(known), settings_, a);
  pending_sign_in p{a.nonce, a.verifier, sha256_of(b.cookie), return_to, address, link};
  pending_.add(a.state, std::move(p), now_());
  return b;
}

bool oidc_client::awaits(const std::string& cookie) {
  return pending_.knows_browser(sha256_of(cookie), now_());
}

oidc_arrival oidc_client::finish(const std::map<std::string, std::string>& query,
                                 const std::string& cookie, const std::string& address,
                                 double now_unix_s) {
  oidc_arrival out;
  const turn mine(*this);
  if (!mine || !failures_.available(address, now_())) {
    out.who = busy();  // before the state is used up: the person may try again
    return out;
  }
  const auto state = query.find("state");
  auto begun = state == query.end() || cookie.empty()
                   ? std::nullopt
                   : pending_.take(state->second, sha256_of(cookie), now_());
  if (!begun) {
    out.who = oidc_refusal{oidc_error::state_invalid,
                           "state is unknown, used, too old, or another browser's"};
    return out;
  }
  out.return_to = begun->return_to;
  out.link = begun->link;
  out.who = believe(query, *begun, now_unix_s);
  if (refused_by(out.who) != nullptr) failures_.take(address, now_());
  return out;
}

oidc_result<oidc_person> oidc_client::believe(const std::map<std::string, std::string>& query,
                                              const pending_sign_in& begun, double now_unix_s) {
  const auto known = provider_.metadata();
  if (const auto* failed = refused_by(known)) return *failed;
  const auto& metadata = *std::get<0>(known);
  token_expectation e;
  e.issuer = settings_.issuer;
  e.tenants = settings_.tenants;
  e.any_tenant = settings_.any_tenant;
  e.client_id = settings_.client_id;
  e.nonce = begun.nonce;
  e.now_unix_s = now_unix_s;
  const auto code = read_callback(query, metadata, e);
  if (const auto* failed = refused_by(code)) return *failed;
  const auto tokens = redeem(metadata, std::get<std::string>(code), begun.verifier);
  if (const auto* failed = refused_by(tokens)) return *failed;
  const auto& t = std::get<oidc_tokens>(tokens);
  e.access_token = t.access_token;
  auto verified = provider_.verify(t.id_token);
  if (const auto* failed = refused_by(verified)) return *failed;
  auto& claims = std::get<nlohmann::json>(verified);
  if (auto wrong = check_claims(claims, e)) return std::move(*wrong);
  if (!metadata.userinfo_endpoint.empty() && wants_userinfo(claims, settings_))
    if (auto failed = ask_userinfo(metadata, t.access_token, claims)) return std::move(*failed);
  return read_person(claims, settings_);
}

oidc_result<oidc_tokens> oidc_client::redeem(const oidc_metadata& m, const std::string& code,
                                             const std::string& verifier) {
  auto form = token_request(settings_, code, verifier, redirect_uri());
  const auto answer =
      http_->fetch({m.token_endpoint, std::move(form.headers), std::move(form.body)});
  if (const auto* failed = std::get_if<http_failure>(&answer))
    return oidc_refusal{oidc_error::unavailable, "token endpoint: " + failed->why};
  const auto& got = std::get<http_answer>(answer);
  return read_tokens(got.status, got.body);
}

std::optional<oidc_refusal> oidc_client::ask_userinfo(const oidc_metadata& m,
                                                      const std::string& access_token,
                                                      nlohmann::json& claims) {
  if (access_token.find_first_of("\r\n") != std::string::npos)
    return oidc_refusal{oidc_error::token_malformed, "the access token is no header value"};
  const auto answer =
      http_->fetch({m.userinfo_endpoint, {{"Authorization", "Bearer " + access_token}}, {}});
  if (const auto* failed = std::get_if<http_failure>(&answer))
    return oidc_refusal{oidc_error::unavailable, "userinfo: " + failed->why};
  const auto& got = std::get<http_answer>(answer);
  const auto info = got.status == 200 ? strict_json_object(got.body) : std::nullopt;
  if (!info)
    return oidc_refusal{oidc_error::unavailable,
                        "userinfo: status " + std::to_string(got.status) + ", or no JSON object"};
  // OpenID Connect Core 1.0, 5.3.4: else an answer about somebody else could be slipped in.
  if (text_member(*info, "sub") != text_member(claims, "sub"))
    return oidc_refusal{oidc_error::userinfo_mismatch, "userinfo is about another subject"};
  add_userinfo(claims, *info, settings_);
  return std::nullopt;
}

}  // namespace samovar::net
