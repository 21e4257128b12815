// What the tests of accounts share.
#pragma once

#include "cluster_fixture.hpp"
#include "storage/links.hpp"

namespace samovar::tests {

struct accounts_fixture {
  storage::pool& pool = *cluster().db.connections;
  core::session_rules rules{std::chrono::seconds(1000), std::chrono::seconds(5000),
                            std::chrono::seconds(100), std::chrono::seconds(30)};
  storage::account_repository accounts{pool, rules};
  storage::link_repository links{pool};
  storage::audit_repository audit{pool};
  core::user_id user = make_user();
  core::change_origin by{make_user(), "192.0.2.7"};

  pqxx::result superuser(const std::string& sql) {
    pqxx::connection c{cluster().db.embedded->superuser_conninfo()};
    pqxx::work t{c};
    auto r = t.exec(sql);
    t.commit();
    return r;
  }
  static std::string digest() { return core::to_string(fresh_uuid()).substr(4, 32); }
  core::web_session_id open(const std::string& token) {
    core::web_session s;
    s.id = fresh<core::web_session_id>();
    s.owner = user;
    s.csrf_token = "c";
    const auto now =
        std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
    s.created_at = s.last_seen_at = now;
    s.expires_at = now + rules.lifetime;
    s.address = "192.0.2.1";
    s.user_agent = "a browser";
    BOOST_REQUIRE(accounts.create_web_session(s, token).ok());
    return s.id;
  }
  void age(core::web_session_id id, const std::string& assignment) {
    superuser("update web_sessions set " + assignment + " where id = '" + core::to_string(id) +
              "'");
  }
  std::vector<core::audit_entry> log(const std::string& action) {
    core::audit_query q;
    q.user = user;
    q.action = action;
    return audit.list(q).entries;
  }
};

}  // namespace samovar::tests
