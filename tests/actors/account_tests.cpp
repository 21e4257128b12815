// What a change of the user's account does to a live session.
#include <caf/all.hpp>
#include "tests/actors/stage.hpp"

#include <boost/test/unit_test.hpp>

using namespace samovar;
using namespace samovar::actors;
using samovar::testing::make_job;
using samovar::testing::numbered;
using samovar::testing::recording_sink;
using samovar::testing::stage;

BOOST_FIXTURE_TEST_SUITE(account_tests, stage)

BOOST_AUTO_TEST_CASE(a_higher_limit_starts_the_next_job_at_once) {
  submit(make_job(1, 1, ada));
  submit(make_job(2, 1, ada));
  BOOST_TEST(seen.demand == 1);
  ask(account_ask{{true, true, 2, 1.0}});
  BOOST_TEST(seen.demand == 2);
  ask(account_ask{{true, true, 1, 1.0}});
  BOOST_TEST(seen.demand == 1);
}

BOOST_AUTO_TEST_CASE(a_disabled_users_jobs_stop_taking_units_and_go_on_when_enabled) {
  submit(make_job(1, 3, ada));
  grant(1);
  ask(account_ask{{true, false, 1, 1.0}});
  BOOST_TEST(seen.demand == 0);
  grant(2);  // it was on its way
  BOOST_TEST(seen.unused == std::vector<std::int64_t>{2}, boost::test_tools::per_element());
  BOOST_TEST(seen.units.size() == 1u);
  finish(1);  // what runs may finish, and counts
  BOOST_TEST(log.results() == 1u);
  BOOST_TEST(seen.demand == 0);
  BOOST_TEST((log.job(numbered<core::job_id>(1)).status == core::job_status::running));
  ask(account_ask{{true, true, 1, 1.0}});
  BOOST_TEST(seen.demand == 2);
  grant(3);
  finish(3);
  grant(4);
  finish(4);
  BOOST_TEST((log.job(numbered<core::job_id>(1)).status == core::job_status::completed));
}

BOOST_AUTO_TEST_CASE(clicks_of_a_disabled_user_are_answered) {
  std::string answer;
  submit(make_job(1, 1, ada));
  ask(segment_ask{std::make_shared<const core::unit_request>(),
                  reply<core::unit_output>([&](core::outcome<core::unit_output> r) {
                    answer = std::string(to_string(r.failure().code));
                  })});
  ask(account_ask{{true, false, 1, 1.0}});
  BOOST_TEST(answer == "not_signed_in");
  BOOST_TEST(seen.demand == 0);
}

BOOST_AUTO_TEST_CASE(of_a_deleted_user_nothing_is_left) {
  auto sink = std::make_shared<recording_sink>();
  ask(subscribe_ask{sink, std::nullopt});
  submit(make_job(1, 3, ada));
  grant(1);
  std::string waited;
  ask(wait_ask{numbered<core::job_id>(1),
               {},
               std::chrono::seconds(30),
               reply<pinned_job_ptr>([&](core::outcome<pinned_job_ptr> r) {
                 waited = r.ok() ? "ok" : std::string(to_string(r.failure().code));
               })});
  BOOST_TEST(waited.empty());
  ask(account_ask{{false, false, 1, 1.0}});
  BOOST_TEST(waited == "not_found");
  BOOST_TEST(sink->was_closed);
  BOOST_TEST(seen.demand == 0);
  BOOST_TEST(!shared->board.find(ada, numbered<core::job_id>(1)));
  finish(1);  // into the void: nothing starts, nothing fails
  BOOST_TEST(seen.demand == 0);
  grant(2);
  BOOST_TEST(seen.unused.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_change_for_nobody_wakes_no_session) {
  const auto alive = shared->counters.sessions_alive.load();
  ask(account_ask{{true, true, 5, 1.0}}, numbered<core::user_id>(7));
  BOOST_TEST(shared->counters.sessions_alive.load() == alive);
}

BOOST_AUTO_TEST_SUITE_END()
