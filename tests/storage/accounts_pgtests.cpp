// One-time links, the audit log and word of changes, on a real PostgreSQL.
#include <condition_variable>
#include <future>
#include <thread>

#include "accounts_fixture.hpp"
#include "core/limits.hpp"
#include "storage/account_watch.hpp"

using namespace samovar;
using namespace samovar::tests;
using core::error_code;
using std::chrono::seconds;

namespace {

/// Notes what a watch tells; waits for it.
struct told {
  std::mutex mutex;
  std::condition_variable wake;
  std::vector<core::account_change> heard;
  void operator()(const core::account_change& c) {
    const std::lock_guard lock(mutex);
    heard.push_back(c);
    wake.notify_all();
  }
  bool hears(core::account_change::kind what, const core::uuid& id) {
    std::unique_lock lock(mutex);
    return wake.wait_for(lock, seconds(20), [&] {
      return std::any_of(heard.begin(), heard.end(), [&](const auto& c) {
        return c.what == what && (what == core::account_change::kind::everything || c.id == id);
      });
    });
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(accounts, accounts_fixture)

BOOST_AUTO_TEST_CASE(a_link_works_once_for_one_of_many) {
  const auto old_token = digest(), token = digest();
  const auto never = core::timestamp{std::chrono::hours(24 * 365 * 100)};
  const auto session = digest();
  open(session);
  BOOST_TEST(links.issue({fresh_uuid(), user, core::link_kind::invite, never}, old_token, by).ok());
  BOOST_TEST(links.issue({fresh_uuid(), user, core::link_kind::reset, never}, token, by).ok());
  BOOST_TEST(!links.find(old_token).has_value());
  BOOST_REQUIRE(links.find(token).has_value());
  BOOST_TEST((links.find(token)->kind == core::link_kind::reset));
  BOOST_TEST(links.find(token)->email == core::to_string(user) + "@example.org");
  std::atomic<int> won{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&, i] {
      if (links.redeem(token, "hash " + std::to_string(i), "Zoe", "192.0.2.9")) ++won;
    });
  for (auto& t : threads) t.join();
  BOOST_TEST(won == 1);
  BOOST_TEST(!links.find(token).has_value());
  BOOST_TEST(!accounts.find_by_web_session(session).has_value());
  BOOST_TEST(accounts.find_user(user)->display_name == "Zoe");
  BOOST_TEST(log("link_issued").size() == 2u);
  const auto used = log("link_redeemed");
  BOOST_REQUIRE(used.size() == 1u);
  BOOST_TEST((used[0].actor == user && used[0].address == "192.0.2.9"));
}

BOOST_AUTO_TEST_CASE(keys_made_at_the_same_time_stay_within_the_limit) {
  const auto make = [&] {
    core::api_key k;
    k.id = fresh<core::api_key_id>();
    k.owner = user;
    k.name = k.prefix = "one of many";
    k.created_at = next_time();
    return k;
  };
  for (std::size_t n = 1; n < core::limits::api_keys_per_user_max; ++n)
    BOOST_REQUIRE(accounts.create_api_key(make(), digest(), by).ok());
  // Somebody else has made one and not committed yet.
  storage::connection other{cluster().db.app_conninfo};
  pqxx::work t{other.raw()};
  t.exec(storage::set_user_text(user));
  const auto id = "'" + core::to_string(user) + "'";
  t.exec("select from users where id = " + id + " for no key update");
  t.exec(
      "insert into api_keys (id, user_id, name, prefix, secret_sha256, read_only, created_at) "
      "values (gen_random_uuid(), " +
      id + ", 'another', 'another', sha256('another'), false, now())");
  auto made = std::async(std::launch::async,
                         [&] { return accounts.create_api_key(make(), digest(), by).ok(); });
  BOOST_TEST((made.wait_for(std::chrono::milliseconds(300)) == std::future_status::timeout));
  t.commit();
  BOOST_TEST(!made.get());
  BOOST_TEST(accounts.list_api_keys(user).size() == core::limits::api_keys_per_user_max);
}

BOOST_AUTO_TEST_CASE(a_link_of_a_disabled_user_or_past_its_time_is_dead) {
  const auto token = digest(), expired = digest();
  const auto never = core::timestamp{std::chrono::hours(24 * 365 * 100)};
  BOOST_TEST(links.issue({fresh_uuid(), user, core::link_kind::reset, never}, token, by).ok());
  BOOST_TEST(accounts.set_disabled(user, true, by).ok());
  BOOST_TEST(!links.find(token).has_value());
  BOOST_TEST(!links.redeem(token, "hash", std::nullopt, "").has_value());
  BOOST_TEST(accounts.set_disabled(user, false, by).ok());
  BOOST_TEST(!links.find(token).has_value());
  const auto past = core::timestamp{std::chrono::hours(24)};
  BOOST_TEST(links.issue({fresh_uuid(), user, core::link_kind::reset, past}, expired, by).ok());
  BOOST_TEST(!links.find(expired).has_value());
  BOOST_TEST(!links.redeem(expired, "hash", std::nullopt, "").has_value());
  BOOST_TEST((links
                  .issue({fresh_uuid(), fresh<core::user_id>(), core::link_kind::reset, never},
                         digest(), by)
                  .failure()
                  .code == error_code::not_found));
}

BOOST_AUTO_TEST_CASE(every_change_leaves_its_line_and_no_secret) {
  core::user_changes changes;
  changes.max_images = 7;
  changes.disabled = true;
  BOOST_TEST(accounts.change_user(user, changes, by).ok());
  changes = {};
  changes.disabled = false;
  BOOST_TEST(accounts.change_user(user, changes, by).ok());
  BOOST_TEST(accounts.change_user(user, changes, by).ok());  // no change, no line
  core::api_key k;
  k.id = fresh<core::api_key_id>();
  k.owner = user;
  k.name = "laptop";
  k.prefix = "smv_abcdefgh";
  k.created_at = next_time();
  BOOST_TEST(accounts.create_api_key(k, digest(), by).ok());
  BOOST_TEST(accounts.delete_api_key(user, k.id, by).ok());
  audit.sign_in_failed(user, "x@example.org", "192.0.2.3");
  BOOST_TEST(accounts.delete_user(user, by).ok());
  core::audit_query q;
  q.user = user;
  const auto page = audit.list(q);
  std::vector<std::string> actions;
  for (const auto& e : page.entries) {
    actions.insert(actions.begin(), e.action);
    BOOST_TEST(e.detail.find("hash") == std::string::npos);
  }
  const std::vector<std::string> expected{"user_created",   "user_changed", "user_disabled",
                                          "user_enabled",   "key_created",  "key_revoked",
                                          "sign_in_failed", "user_deleted"};
  BOOST_TEST(actions == expected, boost::test_tools::per_element());
  BOOST_TEST(page.total == 8);
  const auto& deleted = page.entries[0];
  BOOST_TEST((deleted.actor == by.actor && deleted.subject_id == user.value));
  BOOST_TEST(*deleted.actor_email == core::to_string(*by.actor) + "@example.org");
  BOOST_TEST(*deleted.subject == core::to_string(user) + "@example.org");
  BOOST_TEST(*page.entries[3].subject == "laptop");
  BOOST_TEST(page.entries[6].detail == "{\"max_images\": 7}");
  q.limit = 3;
  q.before = page.entries[1].id;
  BOOST_TEST(audit.list(q).entries.size() == 3u);
  BOOST_TEST(audit.list(q).entries[0].id == page.entries[2].id);
}

BOOST_AUTO_TEST_CASE(what_is_refused_leaves_no_line) {
  core::user_changes bad;
  bad.share_weight = -1.0;
  BOOST_CHECK_THROW(accounts.change_user(user, bad, by), pqxx::sql_error);
  BOOST_TEST(log("user_changed").empty());
  BOOST_TEST(!accounts.delete_api_key(user, fresh<core::api_key_id>(), by).ok());
  BOOST_TEST(log("key_revoked").empty());
}

BOOST_AUTO_TEST_CASE(reads_of_a_page_that_polls_are_one_line_a_minute) {
  const core::change_origin reader{user, "192.0.2.4"};
  for (int i = 0; i < 3; ++i) audit.admin_read(reader, "/api/v1/admin/users");
  audit.admin_read(reader, "/api/v1/admin/queue");
  BOOST_TEST(log("admin_read").size() == 2u);
}

BOOST_AUTO_TEST_CASE(the_audit_log_is_written_by_its_function_alone_and_never_changed) {
  pqxx::connection c{cluster().db.app_conninfo};
  for (const char* sql : {"insert into audit_log (user_id, action) values (gen_random_uuid(), 'x')",
                          "update audit_log set action = 'x'", "delete from audit_log",
                          "select count(*) from audit_log", "truncate audit_log"}) {
    pqxx::work t{c};
    BOOST_CHECK_THROW(t.exec(sql), pqxx::insufficient_privilege);
  }
  const auto may = superuser(
      "select r, p from unnest(array['samovar_app', 'samovar_definer']) r, "
      "unnest(array['UPDATE', 'DELETE', 'TRUNCATE']) p where has_table_privilege(r, 'audit_log', "
      "p)");
  BOOST_TEST(may.empty());
}

BOOST_AUTO_TEST_CASE(word_of_every_loss_of_rights_comes_at_once_from_any_process) {
  using kind = core::account_change::kind;
  told t;
  const storage::account_watch watch(cluster().db.app_conninfo, std::ref(t));
  const auto sql_id = [&] { return "'" + core::to_string(user) + "'"; };
  // The watch listens from the moment that its first word arrives.
  for (int weight = 2; weight < 200; ++weight) {
    superuser("update users set share_weight = " + std::to_string(weight) +
              " where id = " + sql_id());
    std::unique_lock lock(t.mutex);
    if (t.wake.wait_for(lock, std::chrono::milliseconds(100), [&] { return !t.heard.empty(); }))
      break;
  }
  BOOST_TEST(t.hears(kind::quota, user.value));
  core::api_key k;
  k.id = fresh<core::api_key_id>();
  k.owner = user;
  k.created_at = next_time();
  BOOST_REQUIRE(accounts.create_api_key(k, digest(), by).ok());
  superuser("delete from api_keys where id = '" + core::to_string(k.id) + "'");
  BOOST_TEST(t.hears(kind::key, k.id.value));
  const auto session = open(digest());
  superuser("update users set disabled_at = now() where id = " + sql_id());
  BOOST_TEST(t.hears(kind::user, user.value));
  accounts.delete_web_session(user, session, by);
  BOOST_TEST(t.hears(kind::session, session.value));
  // Ordinary work says nothing.
  {
    const std::lock_guard lock(t.mutex);
    t.heard.clear();
  }
  const auto quiet = make_user();
  add_image(quiet);
  superuser("select pg_notify('samovar_accounts', 'key " + core::to_string(quiet) + "')");
  BOOST_TEST(t.hears(kind::key, quiet.value));
  BOOST_TEST(t.heard.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_watch_whose_connection_dies_says_that_it_may_have_missed_something) {
  told t;
  const storage::account_watch watch(cluster().db.app_conninfo, std::ref(t));
  for (int i = 0; i < 100; ++i) {
    superuser(
        "select pg_terminate_backend(pid) from pg_stat_activity where query ilike "
        "'%listen%samovar_accounts%' and pid <> pg_backend_pid()");
    std::unique_lock lock(t.mutex);
    if (t.wake.wait_for(lock, std::chrono::milliseconds(200), [&] { return !t.heard.empty(); }))
      break;
  }
  BOOST_TEST(t.hears(core::account_change::kind::everything, {}));
  for (int weight = 2; weight < 100; ++weight) {
    superuser("update users set share_weight = " + std::to_string(weight) + " where id = '" +
              core::to_string(user) + "'");
    std::unique_lock lock(t.mutex);
    if (t.wake.wait_for(lock, std::chrono::milliseconds(100), [&] { return t.heard.size() > 1; }))
      break;
  }
  BOOST_TEST(t.hears(core::account_change::kind::quota, user.value));
}

// A change is looked up in the database, which may be away or hang while this connection lives.
BOOST_AUTO_TEST_CASE(a_change_that_could_not_be_looked_up_is_not_lost) {
  using kind = core::account_change::kind;
  told t;
  std::atomic<bool> away{true};
  std::atomic<int> failed{0};
  const storage::account_watch watch(cluster().db.app_conninfo,
                                     [&](const core::account_change& change) {
                                       if (away) {
                                         ++failed;
                                         throw core::store_unavailable("gone");
                                       }
                                       t(change);
                                     });
  for (int weight = 2; weight < 200 && failed == 0; ++weight) {
    superuser("update users set share_weight = " + std::to_string(weight) + " where id = '" +
              core::to_string(user) + "'");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  BOOST_REQUIRE(failed > 0);
  away = false;
  BOOST_TEST(t.hears(kind::quota, user.value));
  // The connection that listens was not to blame; nothing can have been missed.
  const std::lock_guard lock(t.mutex);
  BOOST_TEST(std::none_of(t.heard.begin(), t.heard.end(),
                          [](const auto& c) { return c.what == kind::everything; }));
}

BOOST_AUTO_TEST_CASE(open_jobs_of_a_disabled_user_are_held) {
  const auto image = add_image(user);
  add_box(user, image.id);
  storage::postgres_job_log log{cluster().db.app_conninfo};
  log.begin_epoch();
  BOOST_REQUIRE(commit_one(log, job_for(user, {image.id})).ok());
  BOOST_TEST(accounts.set_disabled(user, true, by).ok());
  auto open_jobs = log.take_open_jobs(user);
  BOOST_REQUIRE(open_jobs.size() == 1u);
  BOOST_TEST(open_jobs[0].held);
  BOOST_TEST(accounts.set_disabled(user, false, by).ok());
  open_jobs = log.take_open_jobs(user);
  BOOST_REQUIRE(open_jobs.size() == 1u);
  BOOST_TEST(!open_jobs[0].held);
}

BOOST_AUTO_TEST_CASE(words_of_changes_are_read_strictly) {
  using storage::parse_account_change;
  const auto id = fresh_uuid();
  const auto c = parse_account_change("session " + core::to_string(id));
  BOOST_REQUIRE(c.has_value());
  BOOST_TEST((c->what == core::account_change::kind::session && c->id == id));
  for (const char* text : {"", "key", "key ", "key x", "what 00000000-0000-0000-0000-000000000000"})
    BOOST_TEST(!parse_account_change(text).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
