// Web sessions on a real PostgreSQL: rotation of tokens, ends of sessions, what survives.
#include "accounts_fixture.hpp"
#include "core/limits.hpp"

using namespace samovar;
using namespace samovar::tests;
using core::error_code;

BOOST_FIXTURE_TEST_SUITE(sessions, accounts_fixture)

BOOST_AUTO_TEST_CASE(a_session_knows_where_it_was_opened_and_ends_idle_or_old) {
  const auto first = digest(), second = digest();
  const auto a = open(first), b = open(second);
  const auto list = accounts.list_web_sessions(user);
  BOOST_REQUIRE(list.size() == 2u);
  BOOST_TEST((list[0].id == b && list[1].id == a));
  BOOST_TEST(list[0].address == "192.0.2.1");
  BOOST_TEST(list[0].user_agent == "a browser");
  const auto who = accounts.find_by_web_session(first);
  BOOST_REQUIRE(who.has_value());
  BOOST_TEST((who->via_session == a && who->expires_at == list[1].expires_at));
  BOOST_TEST(!who->rotation_due);
  age(a, "last_seen_at = now() - interval '999 seconds'");
  BOOST_TEST(accounts.find_by_web_session(first).has_value());  // and is seen now
  age(a, "last_seen_at = now() - interval '1001 seconds'");
  BOOST_TEST(!accounts.find_by_web_session(first).has_value());
  age(b, "expires_at = now()");
  BOOST_TEST(!accounts.find_by_web_session(second).has_value());
  BOOST_TEST(accounts.list_web_sessions(user).empty());
  BOOST_TEST(log("sign_in").size() == 2u);
}

BOOST_AUTO_TEST_CASE(the_last_seen_time_is_not_written_at_every_request) {
  const auto token = digest();
  const auto id = open(token);
  age(id, "last_seen_at = now() - interval '50 seconds'");
  const auto before = accounts.list_web_sessions(user)[0].last_seen_at;
  BOOST_TEST(accounts.find_by_web_session(token).has_value());
  BOOST_TEST((accounts.list_web_sessions(user)[0].last_seen_at == before));
  age(id, "last_seen_at = now() - interval '61 seconds'");
  BOOST_TEST(accounts.find_by_web_session(token).has_value());
  BOOST_TEST((accounts.list_web_sessions(user)[0].last_seen_at > before));
}

BOOST_AUTO_TEST_CASE(a_token_is_replaced_once_and_the_old_one_works_for_a_while) {
  const auto old = digest(), fresh = digest(), late = digest();
  const auto id = open(old);
  BOOST_TEST(!accounts.rotate_web_session(id, old, fresh));  // not due yet
  age(id, "rotated_at = now() - interval '101 seconds'");
  BOOST_TEST(accounts.find_by_web_session(old)->rotation_due);
  BOOST_TEST(accounts.rotate_web_session(id, old, fresh));
  BOOST_TEST(!accounts.rotate_web_session(id, old, late));  // the slower of two
  BOOST_TEST(!accounts.find_by_web_session(late).has_value());
  // Requests under way with the old token are not signed out, even after the new one was used.
  BOOST_TEST(!accounts.find_by_web_session(old)->rotation_due);
  BOOST_TEST((accounts.find_by_web_session(fresh)->via_session == id));
  BOOST_TEST(accounts.find_by_web_session(old).has_value());
  age(id, "confirmed_at = confirmed_at - interval '29 seconds'");
  BOOST_TEST(accounts.find_by_web_session(old).has_value());
  BOOST_TEST(accounts.list_web_sessions(user).size() == 1u);
}

BOOST_AUTO_TEST_CASE(an_answer_that_never_arrived_signs_nobody_out) {
  const auto old = digest(), lost = digest(), second = digest();
  const auto id = open(old);
  age(id, "rotated_at = now() - interval '101 seconds'");
  BOOST_TEST(accounts.rotate_web_session(id, old, lost));
  age(id, "rotated_at = now() - interval '61 seconds'");
  BOOST_TEST(accounts.find_by_web_session(old)->rotation_due);
  BOOST_TEST(accounts.rotate_web_session(id, old, second));
  BOOST_TEST(!accounts.find_by_web_session(lost).has_value());
  BOOST_TEST(accounts.find_by_web_session(second).has_value());
}

BOOST_AUTO_TEST_CASE(a_replaced_token_that_comes_back_ends_the_session_for_both) {
  const auto old = digest(), fresh = digest();
  const auto id = open(old);
  age(id, "rotated_at = now() - interval '101 seconds'");
  BOOST_TEST(accounts.rotate_web_session(id, old, fresh));
  BOOST_TEST(accounts.find_by_web_session(fresh).has_value());
  age(id, "confirmed_at = now() - interval '31 seconds'");
  BOOST_TEST(!accounts.find_by_web_session(old).has_value());
  BOOST_TEST(!accounts.find_by_web_session(fresh).has_value());
  const auto entries = log("session_revoked");
  BOOST_REQUIRE(entries.size() == 1u);
  BOOST_TEST((entries[0].subject_id == id.value));
  BOOST_TEST(entries[0].detail.find("used again") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(of_many_sessions_the_longest_unseen_end) {
  std::vector<core::web_session_id> made;
  for (std::size_t i = 0; i < core::limits::web_sessions_per_user_max; ++i) {
    made.push_back(open(digest()));
    age(made.back(), "last_seen_at = now() - interval '" + std::to_string(900 - i) + " seconds'");
  }
  open(digest());
  const auto left = accounts.list_web_sessions(user);
  BOOST_TEST(left.size() == core::limits::web_sessions_per_user_max);
  for (const auto& s : left) BOOST_TEST((s.id != made[0]));
}

BOOST_AUTO_TEST_CASE(sessions_end_one_by_one_or_all_but_one) {
  const auto keep = open(digest()), a = open(digest()), b = open(digest()), c = open(digest());
  const auto other = make_user();
  BOOST_TEST((accounts.revoke_web_session(other, a, by).failure().code == error_code::not_found));
  BOOST_TEST(accounts.revoke_web_session(user, a, by).ok());
  BOOST_TEST(!accounts.revoke_web_session(user, a, by).ok());
  accounts.delete_web_session(user, b, by);
  BOOST_TEST(
      (accounts.revoke_other_web_sessions(user, keep, by) == std::vector<core::web_session_id>{c}));
  BOOST_TEST(accounts.list_web_sessions(user).size() == 1u);
  BOOST_TEST(log("session_revoked").size() == 2u);
  BOOST_TEST(log("sign_out").size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_new_password_ends_the_other_sessions_and_links) {
  const auto keep = open(digest()), other = open(digest());
  const auto token = digest();
  const auto never = core::timestamp{std::chrono::hours(24 * 365 * 100)};
  BOOST_TEST(links.issue({fresh_uuid(), user, core::link_kind::reset, never}, token, by).ok());
  const auto ended = accounts.set_password_hash(user, "hash", keep, by);
  BOOST_REQUIRE(ended.ok());
  BOOST_TEST((*ended == std::vector<core::web_session_id>{other}));
  BOOST_TEST(!links.find(token).has_value());
  const auto entries = log("password_changed");
  BOOST_REQUIRE(entries.size() == 1u);
  BOOST_TEST((entries[0].actor == by.actor && entries[0].address == by.address));
  BOOST_TEST(entries[0].detail == "{}");
}

BOOST_AUTO_TEST_CASE(a_socket_stays_admitted_across_a_rotation_and_no_longer_than_its_session) {
  const auto token = digest();
  const auto id = open(token);
  const auto who = *accounts.find_by_web_session(token);
  age(id, "rotated_at = now() - interval '101 seconds'");
  BOOST_TEST(accounts.rotate_web_session(id, token, digest()));
  BOOST_TEST(accounts.still_admitted(who));
  accounts.delete_web_session(user, id, by);
  BOOST_TEST(!accounts.still_admitted(who));
  core::api_key k;
  k.id = fresh<core::api_key_id>();
  k.owner = user;
  k.created_at = next_time();
  const auto secret = digest();
  BOOST_REQUIRE(accounts.create_api_key(k, secret, by).ok());
  const auto holder = *accounts.find_by_api_key(secret);
  BOOST_TEST(accounts.still_admitted(holder));
  BOOST_TEST(accounts.set_disabled(user, true, by).ok());
  BOOST_TEST(!accounts.still_admitted(holder));
  BOOST_TEST(accounts.set_disabled(user, false, by).ok());
  BOOST_TEST(accounts.still_admitted(holder));
  superuser("update api_keys set expires_at = now() where id = '" + core::to_string(k.id) + "'");
  BOOST_TEST(!accounts.still_admitted(holder));
}

BOOST_AUTO_TEST_SUITE_END()
