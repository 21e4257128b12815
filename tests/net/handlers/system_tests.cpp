#include <boost/test/unit_test.hpp>

#include "fakes.hpp"

using namespace samovar;
using namespace samovar::net::testing;

BOOST_AUTO_TEST_SUITE(system_routes)

BOOST_AUTO_TEST_CASE(the_system_describes_itself) {
  world w;
  w.ports.config.model_name = "classical/1";
  w.ports.config.abilities.text_unavailable_reason = "needs another model";
  w.setup_token = "secret-token";
  const auto a = w.call("GET", "/api/v1/system");
  const auto j = a.parsed();
  BOOST_TEST(j["model"] == "classical/1");
  BOOST_TEST(j["setup_needed"] == true);
  BOOST_TEST(j["abilities"]["text_unavailable_reason"] == "needs another model");
  BOOST_TEST(j["modes"].size() == 3u);
  BOOST_TEST(a.body.find("secret-token") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(documents_hold_nothing_inline) {
  world w;
  BOOST_TEST(w.call("GET", "/api/v1/openapi.json").parsed()["openapi"] == "3.1.0");
  const auto page = w.call("GET", "/docs");
  BOOST_TEST(page.type == "text/html; charset=utf-8");
  BOOST_TEST(page.body.find("<script>") == std::string::npos);
  BOOST_TEST(page.body.find("<style") == std::string::npos);
  BOOST_TEST(page.body.find("//") == std::string::npos);
  BOOST_TEST(w.call("GET", "/docs/docs.js").body.find("innerHTML") == std::string::npos);
  BOOST_TEST(w.call("GET", "/docs/docs.css").status == 200);
}

BOOST_AUTO_TEST_CASE(who_may_call_what) {
  world w;
  for (const auto& r : w.routes) {
    const bool admin = r.pattern.starts_with("/api/v1/admin/");
    BOOST_TEST((r.who == net::access::admin) == admin, r.pattern);
  }
  std::set<std::string> open;
  for (const auto& r : w.routes)
    if (r.who == net::access::open) open.insert(r.pattern);
  BOOST_CHECK(open == (std::set<std::string>{
                          "/api/v1/auth/setup", "/api/v1/auth/register", "/api/v1/auth/login",
                          "/api/v1/auth/links/inspect", "/api/v1/auth/links/redeem",
                          "/api/v1/auth/providers", "/api/v1/auth/oidc/login",
                          "/api/v1/auth/oidc/callback", "/api/v1/system", "/api/v1/openapi.json",
                          "/docs", "/docs/docs.js", "/docs/docs.css"}));
}

BOOST_AUTO_TEST_CASE(admin_users) {
  world w;
  auto list = w.call("GET", "/api/v1/admin/users").parsed();
  BOOST_REQUIRE_EQUAL(list.size(), 2u);
  BOOST_TEST(list[0]["disabled"] == false);
  BOOST_TEST(!list[0].contains("csrf_token"));
  BOOST_TEST(w.call("GET", "/api/v1/admin/users?limit=1").headers.count("Link") == 1u);
  const auto a = w.call("POST", "/api/v1/admin/users",
                        R"({"email":"Boss@example.org","password":"long enough","role":"admin"})");
  BOOST_TEST(a.status == 201);
  BOOST_TEST(a.parsed()["role"] == "admin");
  const auto post = [&](const char* body) { return w.call("POST", "/api/v1/admin/users", body); };
  BOOST_TEST(post(R"({"email":"boss@example.org"})").status == 409);
  BOOST_TEST(post(R"({"email":"x@example.org","role":"king"})").field() == "role");
  BOOST_TEST(post(R"({"email":"x@example.org","password":"short"})").field() == "password");
  BOOST_TEST(post(R"({"email":"x@example.org"})").status == 201);
}

BOOST_AUTO_TEST_CASE(disabling_a_user) {
  world w;
  const auto path = "/api/v1/admin/users/" + to_string(w.other);
  const auto a = w.call("PATCH", path, R"({"disabled":true})");
  BOOST_TEST(a.parsed()["disabled"] == true);
  BOOST_REQUIRE_EQUAL(w.access.users.size(), 1u);
  BOOST_CHECK(w.access.users[0] == w.other);
  BOOST_TEST(w.call("PATCH", path, R"({"disabled":false})").parsed()["disabled"] == false);
  BOOST_TEST(w.call("PATCH", path, R"({"disabled":1})").field() == "disabled");
  const auto self = "/api/v1/admin/users/" + to_string(w.me);
  BOOST_TEST(w.call("PATCH", self, R"({"disabled":true})").status == 409);
  const auto nobody = "/api/v1/admin/users/" + to_string(w.fresh<core::user_id>());
  BOOST_TEST(w.call("PATCH", nobody, R"({"disabled":true})").status == 404);
}

BOOST_AUTO_TEST_CASE(changing_a_user) {
  world w;
  const auto path = "/api/v1/admin/users/" + to_string(w.other);
  const auto patch = [&](const char* body) { return w.call("PATCH", path, body); };
  const auto j = patch(R"({"role":"admin","max_images":0,"share_weight":2.5})").parsed();
  BOOST_TEST(j["role"] == "admin");
  BOOST_TEST(j["max_images"] == 0);
  BOOST_TEST(j["share_weight"] == 2.5);
  BOOST_TEST(j["max_storage_mb"] == 5000);
  BOOST_TEST(w.access.users.size() == 1u);
  BOOST_TEST(script().quotas.back().max_images == 0);
  BOOST_TEST(patch(R"({"max_concurrent_jobs":0})").field() == "max_concurrent_jobs");
  BOOST_TEST(patch(R"({"max_images":"5"})").field() == "max_images");
  BOOST_TEST(patch(R"({"max_storage_mb":1000000001})").field() == "max_storage_mb");
  BOOST_TEST(patch(R"({"share_weight":0})").field() == "share_weight");
  BOOST_TEST(patch(R"({"role":"king"})").field() == "role");
  BOOST_TEST(patch(R"({"display_name":null})").field() == "display_name");
  const auto self = "/api/v1/admin/users/" + to_string(w.me);
  BOOST_TEST(w.call("PATCH", self, R"({"role":"user"})").status == 409);
}

BOOST_AUTO_TEST_CASE(deleting_a_user) {
  world w;
  const auto path = "/api/v1/admin/users/" + to_string(w.other);
  BOOST_TEST(w.call("DELETE", "/api/v1/admin/users/" + to_string(w.me)).status == 409);
  BOOST_TEST(w.call("DELETE", path).status == 204);
  BOOST_TEST(w.access.users.size() == 1u);
  BOOST_TEST(w.call("DELETE", path).status == 404);
}

BOOST_AUTO_TEST_CASE(draining_a_device) {
  world w;
  script().supervisor.devices = {{"cpu:0", "classical/1", true, false, 7, 1.5, 0.5, 2}};
  const auto path = "/api/v1/admin/devices/cpu:0/drain";
  BOOST_TEST(w.call("POST", path).parsed()["draining"] == true);
  BOOST_TEST(w.call("POST", path, R"({"resume":true})").parsed()["draining"] == false);
  BOOST_TEST(w.call("POST", path, R"({"resume":1})").field() == "resume");
  BOOST_TEST(w.call("POST", "/api/v1/admin/devices/x/drain").status == 404);
}

BOOST_AUTO_TEST_CASE(queue_and_devices) {
  world w;
  script().supervisor.devices = {{"cpu:0", "classical/1", true, false, 7, 1.5, 0.5, 2}};
  script().supervisor.queue = {{w.me, 3, 2, 0.5, 2.0, {"cpu:0", "cpu:1"}}};
  BOOST_TEST(w.call("GET", "/api/v1/admin/devices").parsed() ==
             json::parse(R"([{"id":"cpu:0","model":"classical/1","healthy":true,"draining":false,
                              "units_done":7,"busy_seconds":1.5,"busy_fraction":0.5,
                              "leases_out":2}])"));
  const auto queue = w.call("GET", "/api/v1/admin/queue").parsed();
  BOOST_TEST(queue[0]["user_id"] == to_string(w.me));
  BOOST_TEST(queue[0]["share_weight"] == 2.0);
  BOOST_TEST(queue[0]["devices"] == json::parse(R"(["cpu:0","cpu:1"])"));
  // Whoever comes or goes between two pages, the others are named once each.
  std::vector<core::user_id> users(5);
  for (std::size_t n = 0; n < users.size(); ++n) users[n].value.bytes[0] = std::uint8_t(5 - n);
  script().supervisor.queue.clear();
  for (const auto& u : users) script().supervisor.queue.push_back({u, 1, 0, 0.0, 1.0, {}});
  const auto page = w.call("GET", "/api/v1/admin/queue?limit=2");
  BOOST_TEST(page.parsed()[1]["user_id"] == to_string(users[3]));
  script().supervisor.queue.pop_back();
  const auto& link = page.headers.at("Link");
  const auto rest = w.call("GET", link.substr(1, link.find('>') - 1)).parsed();
  BOOST_TEST(rest[0]["user_id"] == to_string(users[2]));
  script().failure = core::make_error(core::error_code::unavailable, "no");
  BOOST_TEST(w.call("GET", "/api/v1/admin/queue").status == 503);
}

BOOST_AUTO_TEST_CASE(an_absent_database_is_the_engines_to_answer) {
  world w;
  w.accounts.away = true;
  BOOST_CHECK_THROW(w.start("GET", "/api/v1/auth/me"), core::store_unavailable);
}

BOOST_AUTO_TEST_SUITE_END()
