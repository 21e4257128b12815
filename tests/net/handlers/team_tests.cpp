// Web sessions, one-time links, what administrators do to accounts, and the audit log.
#include <boost/test/unit_test.hpp>

#include "fakes.hpp"

using namespace samovar;
using namespace samovar::net::testing;

namespace {

using names = std::set<std::string>;

struct team_world : world {
  core::web_session_id sign_in(const std::string& agent = {}) {
    call_options o;
    if (!agent.empty()) o.headers["user-agent"] = agent;
    BOOST_REQUIRE(call("POST", "/api/v1/auth/login",
                       R"({"email":"me@example.org","password":"correct horse"})", o)
                      .status == 200);
    return accounts.sessions.back().first.id;
  }
  /// The token at the end of a link.
  static std::string token_of(const json& link) {
    const auto url = link.at("url").get<std::string>();
    return url.substr(url.find("?token=") + 7);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(team, team_world)

BOOST_AUTO_TEST_CASE(sessions_are_listed_and_ended) {
  const auto first = sign_in(), second = sign_in("Mozilla/5.0 (X)"), third = sign_in();
  actor.via_session = second;
  const auto list = call("GET", "/api/v1/auth/sessions").parsed();
  BOOST_TEST(list["total"] == 3);
  const auto& newest = list["sessions"][1];
  BOOST_CHECK(names_of(newest) == (names{"id", "created_at", "last_seen_at", "expires_at",
                                         "address", "user_agent", "current"}));
  BOOST_TEST(newest["current"] == true);
  BOOST_TEST(newest["user_agent"] == "Mozilla/5.0 (X)");
  BOOST_TEST(newest["address"] == "127.0.0.1");
  BOOST_TEST(list["sessions"][0]["current"] == false);
  const auto path = "/api/v1/auth/sessions/" + to_string(first);
  actor.id = other;
  BOOST_TEST(call("DELETE", path).status == 404);
  BOOST_TEST(call("GET", "/api/v1/auth/sessions").parsed()["total"] == 0);
  actor.id = me;
  BOOST_TEST(call("DELETE", path).status == 204);
  BOOST_TEST(call("DELETE", path).status == 404);
  BOOST_TEST(call("DELETE", "/api/v1/auth/sessions/7").status == 422);
  BOOST_TEST(call("DELETE", "/api/v1/auth/sessions").status == 204);
  BOOST_CHECK((access.sessions == std::vector{first, third}));
  BOOST_TEST(accounts.sessions.size() == 1u);
  const auto own = call("DELETE", "/api/v1/auth/sessions/" + to_string(second));
  BOOST_TEST(own.headers.at("Set-Cookie").find("Max-Age=0") != std::string::npos);
}

// Rows that come and go between two pages neither repeat nor hide others.
BOOST_AUTO_TEST_CASE(pages_hold_while_rows_come_and_go) {
  const auto next = [&] { ++clock_us; };
  const auto sign_in_later = [&] { next(), sign_in(); };
  for (int i = 0; i < 5; ++i) sign_in_later();
  const auto sessions = [&](const std::string& more) {
    return call("GET", "/api/v1/auth/sessions?limit=2" + more).parsed();
  };
  const auto first = sessions("");
  for (int i = 0; i < 2; ++i) sign_in_later();
  call("DELETE", "/api/v1/auth/sessions/" + first["sessions"][1]["id"].get<std::string>());
  const auto rest = sessions("&cursor=" + first["next_cursor"].get<std::string>());
  BOOST_TEST(rest["sessions"][0]["id"] == to_string(accounts.sessions[2].first.id));
  BOOST_TEST(rest["sessions"][1]["id"] == to_string(accounts.sessions[1].first.id));

  for (int i = 0; i < 5; ++i)
    next(), call("POST", "/api/v1/api-keys", json{{"name", std::to_string(i)}}.dump());
  const auto page = [&](const std::string& target) {
    const auto a = call("GET", target);
    const auto link = a.headers.count("Link") ? a.headers.at("Link") : std::string("<>");
    return std::pair{a.parsed(), link.substr(1, link.find('>') - 1)};
  };
  const auto [keys, more_keys] = page("/api/v1/api-keys?limit=2");
  next(), call("POST", "/api/v1/api-keys", R"({"name":"between"})");
  BOOST_TEST(page(more_keys).first[0]["name"] == "2");

  for (int i = 0; i < 4; ++i) {
    const auto email = "u" + std::to_string(i) + "@example.org";
    call("POST", "/api/v1/admin/users", json{{"email", email}, {"password", "long enough"}}.dump());
    accounts.accounts.back().user.created_at = core::timestamp{std::chrono::seconds(i + 1)};
  }
  const auto [users, more_users] = page("/api/v1/admin/users?limit=3");
  call("DELETE", "/api/v1/admin/users/" + users[2]["id"].get<std::string>());
  BOOST_TEST(users[2]["email"] == "u0@example.org");
  BOOST_TEST(page(more_users).first[0]["email"] == "u1@example.org");
}

BOOST_AUTO_TEST_CASE(identities_are_listed_as_everything_is) {
  BOOST_TEST(call("GET", "/api/v1/auth/identities").body ==
             R"({"identities":[],"total":0,"next_cursor":null})");
  BOOST_TEST(call("GET", "/api/v1/auth/identities?limit=0").field() == "limit");
  BOOST_TEST(call("GET", "/api/v1/auth/identities?cursor=x").field() == "cursor");
}

BOOST_AUTO_TEST_CASE(what_a_browser_calls_itself_is_cut_and_must_be_text) {
  sign_in(std::string(255, 'a') + "\xC3\xA9\xC3\xA9");
  BOOST_TEST(accounts.sessions.back().first.user_agent == std::string(255, 'a'));
  sign_in("\xFF\xFE");
  BOOST_TEST(accounts.sessions.back().first.user_agent.empty());
}

BOOST_AUTO_TEST_CASE(a_password_change_ends_the_other_sessions_only) {
  const auto here = sign_in(), there = sign_in();
  actor.via_session = here;
  const auto a = call("POST", "/api/v1/auth/password",
                      R"({"current_password":"correct horse","new_password":"long enough"})");
  BOOST_TEST(a.status == 204);
  BOOST_CHECK((access.sessions == std::vector{there}));
  BOOST_TEST(access.users.empty());
}

BOOST_AUTO_TEST_CASE(failed_sign_ins_are_noted_without_what_is_no_address) {
  const auto post = [&](const char* body) { return call("POST", "/api/v1/auth/login", body); };
  post(R"({"email":"me@example.org","password":"x"})");
  post(R"({"email":"nobody@example.org","password":"x"})");
  post(R"({"email":"my secret password","password":"x"})");
  BOOST_REQUIRE(audit.failed.size() == 3u);
  BOOST_TEST(*audit.failed[0] == "me@example.org");
  BOOST_TEST(*audit.failed[1] == "nobody@example.org");
  BOOST_TEST(!audit.failed[2].has_value());
  access.allow = false;
  post(R"({"email":"me@example.org","password":"x"})");
  BOOST_TEST(audit.failed.size() == 3u);
}

BOOST_AUTO_TEST_CASE(a_user_without_a_password_comes_with_an_invite) {
  call_options o;
  o.headers["host"] = "samovar.example:8080";
  const auto made =
      call("POST", "/api/v1/admin/users", R"({"email":"zoe@example.org","role":"admin"})", o);
  BOOST_TEST(made.status == 201);
  BOOST_TEST(made.headers.at("Cache-Control") == "no-store");
  const auto invite = made.parsed()["invite"];
  BOOST_CHECK(names_of(invite) == (names{"kind", "url", "expires_at"}));
  BOOST_TEST(invite["kind"] == "invite");
  const auto token = token_of(invite);
  BOOST_TEST(invite["url"] == "http://samovar.example:8080/#/invite?token=" + token);
  BOOST_TEST(token.size() == 43u);
  BOOST_TEST(links.open.count(token) == 0u);  // only its digest is kept
  BOOST_TEST(links.open.count(secrets.sha256(token)) == 1u);
  const auto body = json{{"token", token}}.dump();
  const auto seen = call("POST", "/api/v1/auth/links/inspect", body).parsed();
  BOOST_CHECK(names_of(seen) == (names{"kind", "email", "display_name", "expires_at"}));
  BOOST_TEST(seen["email"] == "zoe@example.org");
  const auto redeem = [&](const json& j) {
    return call("POST", "/api/v1/auth/links/redeem", j.dump());
  };
  BOOST_TEST(redeem({{"token", token}, {"password", "short"}}).field() == "password");
  const auto a = redeem({{"token", token}, {"password", "long enough"}, {"display_name", "Zoe Z"}});
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.parsed()["display_name"] == "Zoe Z");
  BOOST_TEST(a.parsed()["role"] == "admin");
  BOOST_TEST(a.headers.count("Set-Cookie") == 1u);
  BOOST_TEST(accounts.sessions.back().first.method == "link");
  BOOST_TEST(access.browsers.size() == 1u);
  for (const auto& again : {redeem({{"token", token}, {"password", "long enough"}}),
                            redeem({{"token", "nonsense"}, {"password", "long enough"}}),
                            call("POST", "/api/v1/auth/links/inspect", body)}) {
    BOOST_TEST(again.status == 404);
    BOOST_TEST(again.code() == "link_invalid");
  }
}

BOOST_AUTO_TEST_CASE(links_are_issued_for_users_that_exist_and_hold_to_the_public_address) {
  ports.config.public_url = "https://team.example.org/";
  const auto path = "/api/v1/admin/users/" + to_string(other) + "/link";
  const auto first = call("POST", path, R"({"kind":"reset"})");
  BOOST_TEST(first.status == 201);
  BOOST_TEST(first.parsed()["url"].get<std::string>().starts_with(
      "https://team.example.org/#/reset?token="));
  const auto second = call("POST", path, R"({"kind":"invite"})");
  BOOST_TEST(second.status == 201);
  BOOST_TEST(links.open.size() == 1u);
  BOOST_TEST(call("POST", path, R"({"kind":"other"})").field() == "kind");
  BOOST_TEST(call("POST", path, "{}").field() == "kind");
  const auto nobody = "/api/v1/admin/users/" + to_string(fresh<core::user_id>()) + "/link";
  BOOST_TEST(call("POST", nobody, R"({"kind":"reset"})").status == 404);
  access.allow = false;
  BOOST_TEST(call("POST", "/api/v1/auth/links/inspect", R"({"token":"x"})").status == 429);
  BOOST_TEST(call("POST", "/api/v1/auth/links/redeem", R"({"token":"x","password":"long enough"})")
                 .status == 429);
}

BOOST_AUTO_TEST_CASE(changes_to_accounts_reach_the_live_session) {
  const auto path = "/api/v1/admin/users/" + to_string(other);
  BOOST_TEST(call("PATCH", path, R"({"max_concurrent_jobs":3,"share_weight":2})").status == 200);
  BOOST_REQUIRE(script().accounts.size() == 1u);
  const auto& [user, state] = script().accounts[0];
  BOOST_TEST((user == other));
  BOOST_TEST((state.active && state.max_concurrent_jobs == 3 && state.share_weight == 2.0));
  BOOST_TEST(access.users.empty());
  BOOST_TEST(call("PATCH", path, R"({"disabled":true})").status == 200);
  BOOST_TEST((script().accounts[1].second.exists && !script().accounts[1].second.active));
  BOOST_TEST(access.users.size() == 1u);
  BOOST_TEST(call("DELETE", path).status == 204);
  BOOST_TEST(!script().accounts[2].second.exists);
  BOOST_TEST((accounts.last_by.actor == me));
  BOOST_TEST(accounts.last_by.address == "127.0.0.1");
}

BOOST_AUTO_TEST_CASE(the_audit_log_is_paged_and_filtered) {
  for (int i = 1; i <= 5; ++i) {
    core::audit_entry e;
    e.id = i * 1'000'000'007LL;
    e.action = i % 2 ? "sign_in" : "sign_out";
    if (i == 5) e.actor = me;
    e.detail = R"({"method": "password"})";
    audit.entries.push_back(e);
  }
  auto page = call("GET", "/api/v1/admin/audit?limit=2").parsed();
  BOOST_TEST(page["total"] == 5);
  BOOST_TEST(page["entries"].size() == 2u);
  const auto& e = page["entries"][0];
  BOOST_CHECK(names_of(e) == (names{"id", "at", "actor_id", "actor_email", "action", "subject_id",
                                    "subject", "address", "detail"}));
  BOOST_TEST(e["id"] == 5'000'000'035LL);
  BOOST_TEST(e["actor_id"] == to_string(me));
  BOOST_TEST(e["subject"].is_null());
  BOOST_TEST(e["detail"]["method"] == "password");
  std::size_t seen = 2;
  while (!page["next_cursor"].is_null()) {
    page =
        call("GET", "/api/v1/admin/audit?limit=2&cursor=" + page["next_cursor"].get<std::string>())
            .parsed();
    seen += page["entries"].size();
  }
  BOOST_TEST(seen == 5u);
  BOOST_TEST(call("GET", "/api/v1/admin/audit?action=sign_out").parsed()["total"] == 2);
  call("GET", "/api/v1/admin/audit?user_id=" + to_string(other));
  BOOST_TEST((audit.last_query.user == other));
  BOOST_TEST(call("GET", "/api/v1/admin/audit?user_id=7").field() == "user_id");
  BOOST_TEST(call("GET", "/api/v1/admin/audit?cursor=7").field() == "cursor");
}

BOOST_AUTO_TEST_CASE(what_administrators_read_of_others_is_noted) {
  for (const char* path : {"/api/v1/admin/users", "/api/v1/admin/queue", "/api/v1/admin/audit",
                           "/api/v1/admin/devices"})
    call("GET", path);
  BOOST_TEST(audit.reads == (std::vector<std::string>{"/api/v1/admin/users", "/api/v1/admin/queue",
                                                      "/api/v1/admin/audit"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(whatever_hashes_a_password_runs_where_passwords_are_hashed) {
  const names hashing{"POST /api/v1/auth/setup",  "POST /api/v1/auth/register",
                      "POST /api/v1/auth/login",  "POST /api/v1/auth/password",
                      "POST /api/v1/admin/users", "POST /api/v1/auth/links/redeem"};
  for (const auto& r : routes) {
    const auto name = r.method + " " + r.pattern;
    BOOST_TEST((r.runs == net::where::passwords) == (hashing.count(name) == 1), name);
  }
}

BOOST_AUTO_TEST_SUITE_END()
