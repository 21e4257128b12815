#include <boost/test/unit_test.hpp>

#include "fakes.hpp"

using namespace samovar;
using namespace samovar::net::testing;

namespace {

using names = std::set<std::string>;

const names me_fields{"id",          "email",          "display_name", "role",
                      "image_count", "storage_bytes",  "running_jobs", "max_concurrent_jobs",
                      "max_images",  "max_storage_mb", "share_weight", "created_at",
                      "csrf_token"};

}  // namespace

BOOST_AUTO_TEST_SUITE(accounts)

BOOST_AUTO_TEST_CASE(signing_in_sets_the_cookie) {
  world w;
  const auto a = w.call("POST", "/api/v1/auth/login",
                        R"({"email":" Me@Example.org","password":"correct horse"})");
  BOOST_TEST(a.status == 200);
  BOOST_CHECK(names_of(a.parsed()) == me_fields);
  BOOST_TEST(a.parsed()["id"] == to_string(w.me));
  const auto& cookie = a.headers.at("Set-Cookie");
  BOOST_TEST(cookie.starts_with("samovar_session="));
  for (const char* part : {"; Path=/", "; HttpOnly", "; SameSite=Lax", "; Max-Age="})
    BOOST_TEST(cookie.find(part) != std::string::npos);
  BOOST_TEST(cookie.find("Secure") == std::string::npos);
  BOOST_REQUIRE_EQUAL(w.accounts.sessions.size(), 1u);
  const auto& [session, sha] = w.accounts.sessions[0];
  const auto token = cookie.substr(16, 43);
  BOOST_TEST(sha == w.secrets.sha256(token));
  BOOST_TEST(session.csrf_token == a.parsed()["csrf_token"]);
  BOOST_TEST(session.csrf_token != token);
}

BOOST_AUTO_TEST_CASE(the_cookie_is_secure_behind_tls) {
  world w;
  call_options o;
  o.secure = true;
  const auto a = w.call("POST", "/api/v1/auth/login",
                        R"({"email":"me@example.org","password":"correct horse"})", o);
  BOOST_TEST(a.headers.at("Set-Cookie").find("; Secure") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(wrong_sign_ins_look_alike) {
  world w;
  w.accounts.find(w.other)->user.disabled_at = core::timestamp{};
  const auto wrong =
      w.call("POST", "/api/v1/auth/login", R"({"email":"me@example.org","password":"x"})");
  const auto unknown =
      w.call("POST", "/api/v1/auth/login", R"({"email":"no@example.org","password":"x"})");
  const auto no_address = w.call("POST", "/api/v1/auth/login", R"({"email":"x","password":"x"})");
  const auto disabled = w.call("POST", "/api/v1/auth/login",
                               R"({"email":"other@example.org","password":"correct horse"})");
  for (const auto& a : {wrong, unknown, no_address, disabled}) {
    BOOST_TEST(a.status == 401);
    BOOST_TEST(a.code() == "invalid_credentials");
    BOOST_TEST(a.body == wrong.body);
    BOOST_TEST(a.headers.count("Set-Cookie") == 0u);
  }
  BOOST_TEST(w.secrets.wasted == 2);
  BOOST_TEST(w.access.failed.size() == 4u);
  w.access.allow = false;
  const auto limited = w.call("POST", "/api/v1/auth/login",
                              R"({"email":"me@example.org","password":"correct horse"})");
  BOOST_TEST(limited.status == 429);
  BOOST_TEST(limited.headers.count("Retry-After") == 1u);
}

BOOST_AUTO_TEST_CASE(sign_in_bodies_are_checked) {
  world w;
  BOOST_TEST(w.call("POST", "/api/v1/auth/login", R"({"email":"a@b"})").field() == "password");
  BOOST_TEST(w.call("POST", "/api/v1/auth/login", R"({"password":"a"})").field() == "email");
  BOOST_TEST(w.call("POST", "/api/v1/auth/login", R"({"email":1,"password":"a"})").status == 422);
  BOOST_TEST(w.call("POST", "/api/v1/auth/login", "{").status == 400);
}

BOOST_AUTO_TEST_CASE(signing_out_ends_the_session) {
  world w;
  w.call("POST", "/api/v1/auth/login", R"({"email":"me@example.org","password":"correct horse"})");
  const auto session = w.accounts.sessions[0].first.id;
  w.actor.via_session = session;
  const auto a = w.call("POST", "/api/v1/auth/logout");
  BOOST_TEST(a.status == 204);
  BOOST_TEST(a.body.empty());
  BOOST_TEST(a.headers.at("Set-Cookie").find("Max-Age=0") != std::string::npos);
  BOOST_TEST(w.accounts.sessions.empty());
  BOOST_REQUIRE_EQUAL(w.access.sessions.size(), 1u);
  BOOST_CHECK(w.access.sessions[0] == session);
}

BOOST_AUTO_TEST_CASE(set_up_works_once) {
  world w;
  w.accounts.accounts.clear();
  w.setup_token = "the-token";
  const std::string rest = R"(,"email":"root@example.org","password":"long enough"})";
  const auto wrong = w.call("POST", "/api/v1/auth/setup", R"({"token":"the-tokem")" + rest);
  BOOST_TEST(wrong.status == 403);
  BOOST_TEST(w.accounts.accounts.empty());
  const auto a = w.call("POST", "/api/v1/auth/setup", R"({"token":"the-token")" + rest);
  BOOST_TEST(a.status == 201);
  BOOST_TEST(a.parsed()["role"] == "admin");
  BOOST_TEST(w.setups_done == 1);
  BOOST_TEST(a.headers.count("Set-Cookie") == 1u);
  BOOST_TEST(w.call("POST", "/api/v1/auth/setup", R"({"token":"the-token")" + rest).status == 409);
  BOOST_TEST(w.call("POST", "/api/v1/auth/setup", R"({"token":"")" + rest).status == 409);
}

BOOST_AUTO_TEST_CASE(registering) {
  world w;
  const auto post = [&](const char* body) { return w.call("POST", "/api/v1/auth/register", body); };
  const auto a = post(R"({"email":"New@Example.org","password":"long enough","unknown":1})");
  BOOST_TEST(a.status == 201);
  BOOST_TEST(a.parsed()["email"] == "new@example.org");
  BOOST_TEST(a.parsed()["display_name"] == "new");
  BOOST_TEST(a.parsed()["role"] == "user");
  const auto taken = post(R"({"email":"new@example.org","password":"long enough"})");
  BOOST_TEST(taken.status == 409);
  BOOST_TEST(taken.code() == "email_taken");
  BOOST_TEST(post(R"({"email":"x@y","password":"short"})").field() == "password");
  BOOST_TEST(post(R"({"email":"x y@z","password":"long enough"})").field() == "email");
  w.ports.config.allow_registration = false;
  BOOST_TEST(post(R"({"email":"b@example.org","password":"long enough"})").status == 403);
  w.ports.config.allow_registration = true;
  w.access.allow = false;
  BOOST_TEST(post(R"({"email":"b@example.org","password":"long enough"})").status == 429);
}

BOOST_AUTO_TEST_CASE(me_shows_use_and_limits) {
  world w;
  auto a = w.call("GET", "/api/v1/auth/me");
  BOOST_TEST(a.status == 200);
  BOOST_CHECK(names_of(a.parsed()) == me_fields);
  BOOST_TEST(a.parsed()["csrf_token"].is_null());
  w.actor.csrf_token = "csrf";
  a = w.call("PATCH", "/api/v1/auth/me", R"({"display_name":"Ada"})");
  BOOST_TEST(a.parsed()["display_name"] == "Ada");
  BOOST_TEST(a.parsed()["csrf_token"] == "csrf");
  BOOST_TEST(w.call("PATCH", "/api/v1/auth/me", "{}").status == 200);
  BOOST_TEST(w.call("PATCH", "/api/v1/auth/me", R"({"display_name":""})").status == 422);
  BOOST_TEST(w.call("PATCH", "/api/v1/auth/me", R"({"display_name":null})").status == 422);
}

BOOST_AUTO_TEST_CASE(changing_the_password) {
  world w;
  const auto post = [&](const char* body) { return w.call("POST", "/api/v1/auth/password", body); };
  const auto wrong = post(R"({"current_password":"x","new_password":"long enough"})");
  BOOST_TEST(wrong.status == 403);
  BOOST_TEST(wrong.field() == "current_password");
  BOOST_TEST(w.access.failed.size() == 1u);
  BOOST_TEST(post(R"({"new_password":"long enough"})").field() == "current_password");
  BOOST_TEST(post(R"({"current_password":"correct horse","new_password":"x"})").field() ==
             "new_password");
  BOOST_TEST(post(R"({"current_password":"correct horse","new_password":"long enough"})").status ==
             204);
  BOOST_TEST(*w.accounts.find(w.me)->hash == "h:long enough");
}

BOOST_AUTO_TEST_CASE(api_keys) {
  world w;
  const auto a = w.call("POST", "/api/v1/api-keys", R"({"name":"laptop","read_only":true})");
  BOOST_TEST(a.status == 201);
  const auto key = a.parsed();
  BOOST_CHECK(names_of(key) == (names{"id", "name", "prefix", "read_only", "created_at",
                                      "expires_at", "last_used_at", "secret", "key"}));
  const auto secret = key["secret"].get<std::string>();
  BOOST_TEST(secret.starts_with("smv_"));
  BOOST_TEST(secret.size() == 47u);
  BOOST_TEST(secret.starts_with(key["prefix"].get<std::string>()));
  BOOST_TEST(w.accounts.keys[0].second == w.secrets.sha256(secret));
  const auto list = w.call("GET", "/api/v1/api-keys");
  BOOST_TEST(list.parsed().size() == 1u);
  BOOST_TEST(list.body.find(secret) == std::string::npos);
  BOOST_TEST(!list.parsed()[0].contains("secret"));
  const auto path = "/api/v1/api-keys/" + key["id"].get<std::string>();
  w.actor.id = w.other;
  BOOST_TEST(w.call("DELETE", path).status == 404);
  w.actor.id = w.me;
  BOOST_TEST(w.call("DELETE", path).status == 204);
  BOOST_TEST(w.access.keys.size() == 1u);
  BOOST_TEST(w.call("DELETE", path).status == 404);
  BOOST_TEST(w.call("DELETE", "/api/v1/api-keys/7").status == 422);
}

BOOST_AUTO_TEST_CASE(api_key_bodies_are_checked) {
  world w;
  const auto field = [&](const char* body) {
    return w.call("POST", "/api/v1/api-keys", body).field();
  };
  BOOST_TEST(field("{}") == "name");
  BOOST_TEST(field(R"({"name":""})") == "name");
  BOOST_TEST(field(R"({"name":"a","read_only":"yes"})") == "read_only");
  BOOST_TEST(field(R"({"name":"a","expires_at":"tomorrow"})") == "expires_at");
  BOOST_TEST(field(R"({"name":"a","expires_at":"2001-01-01T00:00:00Z"})") == "expires_at");
  const auto good =
      w.call("POST", "/api/v1/api-keys", R"({"name":"a","expires_at":"2999-01-01T00:00:00Z"})");
  BOOST_TEST(good.status == 201);
  BOOST_TEST(good.parsed()["expires_at"] == "2999-01-01T00:00:00.000000Z");
  for (int i = 1; i < 100; ++i) w.call("POST", "/api/v1/api-keys", R"({"name":"a"})");
  BOOST_TEST(w.call("POST", "/api/v1/api-keys", R"({"name":"a"})").status == 409);
}

BOOST_AUTO_TEST_SUITE_END()
