// Messages, the provider's cache, and the whole flow against a provider that is a function.
#include <cjose/cjose.h>
#include <boost/test/unit_test.hpp>

#include "net/oidc_client.hpp"
#include "net/oidc_text.hpp"

using namespace samovar;
using namespace samovar::net;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

constexpr const char* issuer = "https://id.example.org";
constexpr double now_s = 1'800'000'000;

struct counting_secrets final : core::secrets {
  mutable int counter = 0;
  std::string hash_password(std::string_view) const override { return {}; }
  bool verify_password(const std::string&, std::string_view) const override { return false; }
  void waste_verification(std::string_view) const override {}
  std::string random_token() const override {
    const auto n = std::to_string(++counter);
    return "token" + std::string(38 - n.size(), '-') + n;
  }
  std::uint64_t random_u64() const override { return 0; }
  std::string sha256(std::string_view data) const override { return sha256_of(data); }
};

json discovery() {
  return {{"issuer", issuer},
          {"authorization_endpoint", "https://id.example.org/authorize"},
          {"token_endpoint", "https://id.example.org/token"},
          {"jwks_uri", "https://id.example.org/keys"},
          {"userinfo_endpoint", "https://id.example.org/userinfo"},
          {"response_types_supported", {"code"}}};
}

using key_ptr = std::shared_ptr<cjose_jwk_t>;
key_ptr new_key() {
  return {cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, nullptr), cjose_jwk_release};
}
json public_key(const key_ptr& key, const char* kid) {
  char* text = cjose_jwk_to_json(key.get(), false, nullptr);
  auto out = json::parse(text);
  free(text);
  out["kid"] = kid;
  return out;
}
std::string sign(const key_ptr& key, const char* kid, const json& claims) {
  cjose_header_t* h = cjose_header_new(nullptr);
  cjose_header_set(h, "alg", "ES256", nullptr);
  cjose_header_set(h, "kid", kid, nullptr);
  const auto text = claims.dump();
  cjose_jws_t* jws = cjose_jws_sign(
      key.get(), h, reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), nullptr);
  const char* out = nullptr;
  cjose_jws_export(jws, &out, nullptr);
  std::string token = out;
  cjose_jws_release(jws);
  cjose_header_release(h);
  return token;
}

/// Answers by address; counts what was asked.
struct fake_web {
  std::map<std::string, std::variant<http_answer, http_failure>> answers;
  std::vector<http_question> asked;
  std::function<void(const http_question&)> watch;
  std::size_t count(const std::string& part) const {
    return static_cast<std::size_t>(std::count_if(
        asked.begin(), asked.end(),
        [&](const http_question& q) { return q.url.find(part) != std::string::npos; }));
  }
};
struct fake_fetcher final : http_fetcher {
  explicit fake_fetcher(fake_web& w) : web(w) {}
  fake_web& web;
  std::variant<http_answer, http_failure> fetch(const http_question& q) override {
    web.asked.push_back(q);
    if (web.watch) web.watch(q);
    const auto it = web.answers.find(q.url);
    if (it == web.answers.end()) return http_failure{"no such host"};
    return it->second;
  }
};

std::map<std::string, std::string> query_of(const std::string& url) {
  std::map<std::string, std::string> out;
  for (std::size_t at = url.find('?'); at != std::string::npos; at = url.find('&', at + 1)) {
    const auto pair = url.substr(at + 1, url.find('&', at + 1) - at - 1);
    out[pair.substr(0, pair.find('='))] = pair.substr(pair.find('=') + 1);
  }
  return out;
}

template <class T>
std::string word(const oidc_result<T>& r) {
  const auto* no = std::get_if<oidc_refusal>(&r);
  return no == nullptr ? "ok" : std::string(to_string(no->code)).substr(5);
}

struct flow {
  fake_web web;
  counting_secrets secrets;
  oidc_settings settings;
  oidc_client::time now{100h};
  key_ptr key = new_key();
  json document = discovery();
  std::unique_ptr<oidc_client> client;

  flow() {
    settings.issuer = issuer;
    settings.client_id = "samovar";
    settings.client_secret = "s e:c/ret";
    publish({public_key(key, "k1")});
    start();
  }
  void start(std::size_t at_once = 2) {
    answer("/.well-known/openid-configuration", document);
    client = std::make_unique<oidc_client>(settings, std::make_unique<fake_fetcher>(web), secrets,
                                           at_once, [this] { return now; });
    client->set_base_url("https://segment.example.org/");
  }
  void answer(const std::string& path, const json& body, int status = 200) {
    web.answers[issuer + path] = http_answer{status, body.dump()};
  }
  void publish(const std::vector<json>& keys) { answer("/keys", {{"keys", keys}}); }
  json claims(const std::string& nonce) const {
    return {{"iss", issuer},      {"sub", "ada"},           {"aud", "samovar"},
            {"exp", now_s + 300}, {"iat", now_s},           {"nonce", nonce},
            {"email", "a@b.org"}, {"email_verified", true}, {"name", "Ada"}};
  }
  void token(const std::string& id_token) {
    answer("/token", {{"id_token", id_token}, {"access_token", "at"}, {"token_type", "bearer"}});
  }
  oidc_client::begun begin(const std::string& cookie = {}) {
    const auto b = client->begin(cookie, "/account", "10.0.0.1", std::nullopt);
    BOOST_REQUIRE_MESSAGE(word(b) == "ok", word(b));
    return std::get<oidc_client::begun>(b);
  }
  /// One sign-in; `change` may spoil the claims, `callback` the parameters.
  std::string run(const std::function<void(json&)>& change = {},
                  std::map<std::string, std::string> callback = {}, const char* kid = "k1") {
    const auto b = begin();
    const auto sent = query_of(b.location);
    auto c = claims(sent.at("nonce"));
    if (change) change(c);
    token(sign(key, kid, c));
    callback.try_emplace("code", "the-code");
    callback.try_emplace("state", sent.at("state"));
    last = client->finish(callback, b.cookie, "10.0.0.1", now_s);
    return word(last.who);
  }
  oidc_arrival last;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(oidc_flow)

BOOST_AUTO_TEST_CASE(a_person_comes_back_believed) {
  flow f;
  const auto b = f.begin();
  const auto sent = query_of(b.location);
  BOOST_TEST(b.location.starts_with("https://id.example.org/authorize?response_type=code&"));
  BOOST_TEST(sent.at("client_id") == "samovar");
  BOOST_TEST(sent.at("redirect_uri") ==
             "https%3A%2F%2Fsegment.example.org%2Fapi%2Fv1%2Fauth%2Foidc%2Fcallback");
  BOOST_TEST(sent.at("scope") == "openid%20email%20profile");
  BOOST_TEST(sent.at("code_challenge_method") == "S256");
  f.token(sign(f.key, "k1", f.claims(sent.at("nonce"))));
  const auto back =
      f.client->finish({{"state", sent.at("state")}, {"code", "c"}}, b.cookie, "10.0.0.1", now_s);
  BOOST_REQUIRE_MESSAGE(word(back.who) == "ok", word(back.who));
  const auto& who = std::get<oidc_person>(back.who);
  BOOST_TEST(who.subject == "ada");
  BOOST_TEST(who.email.value() == "a@b.org");
  BOOST_TEST(back.return_to == "/account");
  // The token request: PKCE's verifier, the same redirect_uri, the secret in the header only.
  const auto& asked = *std::find_if(f.web.asked.begin(), f.web.asked.end(),
                                    [](const auto& q) { return q.url.ends_with("/token"); });
  const auto form = query_of("?" + asked.form);
  BOOST_TEST(form.at("grant_type") == "authorization_code");
  BOOST_TEST(form.at("redirect_uri") == sent.at("redirect_uri"));
  BOOST_TEST(pkce_challenge(form.at("code_verifier")) == sent.at("code_challenge"));
  BOOST_TEST(form.count("client_secret") == 0u);
  BOOST_TEST(asked.headers.at(0).second == "Basic " + base64("samovar:s%20e%3Ac%2Fret"));
  BOOST_TEST(f.web.count("userinfo") == 0u);  // nothing was missing
}

BOOST_AUTO_TEST_CASE(the_secret_goes_where_the_settings_say) {
  oidc_settings s;
  s.client_id = "samovar";
  auto f = token_request(s, "c", "v", "r");
  BOOST_TEST(f.headers.empty());  // a public client
  BOOST_TEST(f.body.ends_with("&client_id=samovar"));
  s.client_secret = "x&y";
  s.client_auth = oidc_client_auth::post;
  f = token_request(s, "c", "v", "r");
  BOOST_TEST(f.headers.empty());
  BOOST_TEST(f.body.ends_with("&client_id=samovar&client_secret=x%26y"));
}

BOOST_AUTO_TEST_CASE(a_state_is_used_once_by_its_own_browser) {
  flow f;
  BOOST_TEST(f.run() == "ok");
  const auto b = f.begin();
  const auto sent = query_of(b.location);
  f.token(sign(f.key, "k1", f.claims(sent.at("nonce"))));
  const std::map<std::string, std::string> query{{"state", sent.at("state")}, {"code", "c"}};
  const auto finish = [&](const std::string& cookie) {
    return word(f.client->finish(query, cookie, "10.0.0.1", now_s).who);
  };
  const auto other = f.begin();
  BOOST_TEST(other.cookie != b.cookie);
  const auto before = f.web.count("/token");
  BOOST_TEST(finish("") == "state_invalid");
  BOOST_TEST(finish(other.cookie) == "state_invalid");
  BOOST_TEST(word(f.client->finish({{"code", "c"}}, b.cookie, "", now_s).who) == "state_invalid");
  BOOST_TEST(f.web.count("/token") == before);  // the code was not even looked at
  BOOST_TEST(finish(b.cookie) == "ok");
  BOOST_TEST(finish(b.cookie) == "state_invalid");
}

BOOST_AUTO_TEST_CASE(two_tabs_share_the_cookie_and_strangers_cookies_are_not_kept) {
  flow f;
  const auto first = f.begin();
  BOOST_TEST(f.begin(first.cookie).cookie == first.cookie);
  BOOST_TEST(f.begin(std::string(43, 'x')).cookie != std::string(43, 'x'));
  BOOST_TEST(f.client->awaits(first.cookie));
  f.now += 11min;
  BOOST_TEST(!f.client->awaits(first.cookie));
}

BOOST_AUTO_TEST_CASE(forged_claims_end_the_sign_in) {
  flow f;
  const auto set = [](const char* name, json value) { return [=](json& c) { c[name] = value; }; };
  BOOST_TEST(f.run(set("nonce", "old")) == "token_nonce");
  BOOST_TEST(f.run(set("aud", "other")) == "token_audience");
  BOOST_TEST(f.run(set("iss", "https://evil.org")) == "token_issuer");
  BOOST_TEST(f.run(set("exp", now_s - 100)) == "token_expired");
  BOOST_TEST(f.run(set("nbf", now_s + 100)) == "token_not_yet_valid");
  BOOST_TEST(f.run(set("at_hash", "x")) == "token_hash");
  const auto own = f.key;
  f.key = new_key();
  BOOST_TEST(f.run() == "token_signature");
  f.key = own;
  BOOST_TEST(f.run() == "ok");
}

BOOST_AUTO_TEST_CASE(the_callback_is_of_this_provider) {
  flow f;
  BOOST_TEST(f.run({}, {{"iss", issuer}}) == "ok");
  const auto asked = f.web.count("/token");
  BOOST_TEST(f.run({}, {{"iss", "https://evil.org"}}) == "issuer_mismatch");
  BOOST_TEST(f.run({}, {{"iss", ""}}) == "issuer_mismatch");
  BOOST_TEST(f.run({}, {{"error", "access_denied"}}) == "cancelled");
  BOOST_TEST(f.run({}, {{"error", "login_required"}}) == "refused");
  BOOST_TEST(f.run({}, {{"error", "server_error"}}) == "unavailable");
  BOOST_TEST(f.run({}, {{"error", "access_denied"}, {"iss", "https://evil.org"}}) ==
             "issuer_mismatch");
  BOOST_TEST(f.run({}, {{"code", ""}}) == "refused");
  BOOST_TEST(f.run({}, {{"code", std::string(7000, 'c')}}) == "refused");
  BOOST_TEST(f.web.count("/token") == asked);  // no code was given away
  f.document["authorization_response_iss_parameter_supported"] = true;
  f.start();
  BOOST_TEST(f.run() == "issuer_mismatch");
  BOOST_TEST(f.run({}, {{"iss", issuer}}) == "ok");
}

BOOST_AUTO_TEST_CASE(odd_answers_of_the_token_endpoint) {
  flow f;
  const auto with = [&](std::variant<http_answer, http_failure> a) {
    const auto b = f.begin();
    f.web.answers[std::string(issuer) + "/token"] = std::move(a);
    return word(f.client
                    ->finish({{"state", query_of(b.location).at("state")}, {"code", "c"}}, b.cookie,
                             "10.0.0.1", now_s)
                    .who);
  };
  BOOST_TEST(with(http_failure{"timed out"}) == "unavailable");
  BOOST_TEST(with(http_answer{500, "oops"}) == "unavailable");
  BOOST_TEST(with(http_answer{400, R"({"error":"invalid_grant"})"}) == "code_refused");
  BOOST_TEST(with(http_answer{401, "<html>"}) == "code_refused");
  BOOST_TEST(with(http_answer{200, "<html>"}) == "unavailable");
  BOOST_TEST(with(http_answer{200, "{}"}) == "token_malformed");
  BOOST_TEST(with(http_answer{200, R"({"id_token":"a.b.c","access_token":"x"})"}) ==
             "token_malformed");
  BOOST_TEST(with(http_answer{200, R"({"id_token":7,"access_token":"x","token_type":"Bearer"})"}) ==
             "token_malformed");
}

BOOST_AUTO_TEST_CASE(userinfo_must_be_about_the_same_person) {
  flow f;
  const auto without_email = [](json& c) { c.erase("email"); };
  f.answer("/userinfo", {{"sub", "ada"}, {"email", "ada@b.org"}, {"email_verified", true}});
  BOOST_TEST(f.run(without_email) == "ok");
  BOOST_TEST(std::get<oidc_person>(f.last.who).email.value() == "ada@b.org");
  BOOST_TEST(f.web.asked.back().headers.at(0).second == "Bearer at");
  f.answer("/userinfo", {{"sub", "eve"}, {"email", "ada@b.org"}, {"email_verified", true}});
  BOOST_TEST(f.run(without_email) == "userinfo_mismatch");
  f.answer("/userinfo", json::object(), 401);
  BOOST_TEST(f.run(without_email) == "unavailable");
}

BOOST_AUTO_TEST_CASE(discovery_is_of_the_configured_issuer_and_safe) {
  const auto with = [](const char* name, json value) {
    auto d = discovery();
    d[name] = std::move(value);
    return word(read_metadata(d.dump(), issuer));
  };
  BOOST_TEST(word(read_metadata(discovery().dump(), issuer)) == "ok");
  BOOST_TEST(with("issuer", "https://id.example.org/") == "unavailable");
  BOOST_TEST(with("issuer", "https://evil.org") == "unavailable");
  for (const char* name :
       {"authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"})
    for (const json& odd : {json("http://id.example.org/x"), json("http://127.0.0.1/x"), json(7),
                            json("https://u:p@id.example.org"), json("javascript:alert(1)")})
      if (std::string_view(name) != "userinfo_endpoint" || odd.is_string())
        BOOST_TEST(with(name, odd) == "unavailable", name << " " << odd.dump());
  BOOST_TEST(with("response_types_supported", {"id_token"}) == "unavailable");
  BOOST_TEST(word(read_metadata("<html>", issuer)) == "unavailable");
  BOOST_TEST(discovery_url("https://a.org/b/") ==
             "https://a.org/b/.well-known/openid-configuration");
  BOOST_TEST(discovery_url("https://login.example.com/{tenantid}/v2.0") ==
             "https://login.example.com/organizations/v2.0/.well-known/openid-configuration");
}

BOOST_AUTO_TEST_CASE(documents_are_kept_for_their_time_and_no_longer) {
  flow f;
  for (int i = 0; i < 5; ++i) BOOST_TEST(f.run() == "ok");
  BOOST_TEST(f.web.count("well-known") == 1u);
  BOOST_TEST(f.web.count("/keys") == 1u);
  f.now += 1h;
  BOOST_TEST(f.run() == "ok");
  BOOST_TEST(f.web.count("well-known") == 2u);
  BOOST_TEST(f.web.count("/keys") == 2u);
  // Too old and not to be had: nobody comes in on old keys.
  f.web.answers[std::string(issuer) + "/keys"] = http_failure{"away"};
  BOOST_TEST(f.run() == "ok");
  f.now += 1h;
  BOOST_TEST(f.run() == "unavailable");
}

BOOST_AUTO_TEST_CASE(a_provider_that_is_away_is_left_alone_for_a_moment) {
  flow f;
  f.web.answers.erase(std::string(issuer) + "/.well-known/openid-configuration");
  f.client = std::make_unique<oidc_client>(f.settings, std::make_unique<fake_fetcher>(f.web),
                                           f.secrets, 2, [&f] { return f.now; });
  f.client->set_base_url("https://segment.example.org");
  for (int i = 0; i < 10; ++i)
    BOOST_TEST(word(f.client->begin("", "/", "10.0.0.1", std::nullopt)) == "unavailable");
  BOOST_TEST(f.web.count("well-known") == 1u);
  f.now += 3s;
  f.answer("/.well-known/openid-configuration", f.document);
  BOOST_TEST(word(f.client->begin("", "/", "10.0.0.1", std::nullopt)) == "ok");
}

BOOST_AUTO_TEST_CASE(rotated_keys_are_fetched_at_once_but_not_endlessly) {
  flow f;
  BOOST_TEST(f.run() == "ok");
  const auto old = f.key;
  f.key = new_key();
  f.publish({public_key(f.key, "k2")});
  BOOST_TEST(f.run({}, {}, "k2") == "ok");
  BOOST_TEST(f.web.count("/keys") == 2u);
  f.key = old;  // removed at the provider: gone here too
  BOOST_TEST(f.run({}, {}, "k1") == "token_key_unknown");
  for (int i = 0; i < 20; ++i) BOOST_TEST(f.run({}, {}, "k1") == "token_key_unknown");
  BOOST_TEST(f.web.count("/keys") == 6u);  // the first, and five in a row
  f.now += 31s;
  BOOST_TEST(f.run({}, {}, "k1") == "token_key_unknown");
  BOOST_TEST(f.web.count("/keys") == 7u);
}

BOOST_AUTO_TEST_CASE(few_wait_for_the_provider_at_a_time) {
  flow f;
  std::vector<std::string> meanwhile;
  f.web.watch = [&](const http_question& q) {
    if (!q.url.ends_with("/token")) return;
    meanwhile.push_back(word(f.client->begin("", "/", "10.0.0.2", std::nullopt)));
    meanwhile.push_back(word(f.client->finish({{"state", "s"}}, "c", "10.0.0.2", now_s).who));
  };
  BOOST_TEST(f.run() == "ok");
  BOOST_TEST((meanwhile == std::vector<std::string>{"ok", "state_invalid"}));
  meanwhile.clear();
  f.start(1);
  BOOST_TEST(f.run() == "ok");
  BOOST_TEST((meanwhile == std::vector<std::string>{"busy", "busy"}));
  BOOST_TEST(f.run() == "ok");  // and the turn was given back
}

BOOST_AUTO_TEST_SUITE_END()
