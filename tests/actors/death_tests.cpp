// What overlaps and what dies: late answers, dying sessions, leases on their way.
#include <boost/test/unit_test.hpp>
#include <caf/all.hpp>

#include "actors/gpu_supervisor.hpp"
#include "core/limits.hpp"
#include "tests/actors/stage.hpp"

using namespace samovar;
using namespace samovar::actors;
using samovar::testing::make_job;
using samovar::testing::numbered;
using samovar::testing::stage;

namespace {

lease_receiver::behavior_type play_session(lease_receiver::pointer,
                                           std::vector<core::lease>* granted) {
  return {[=](grant_atom, const core::lease& lease, const device_worker_actor&) {
            granted->push_back(lease);
          },
          [](revoke_atom, std::int64_t, bool) {}};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(death_tests, stage)

// The answers of one commit tell of a job step by step; a step told late must not undo a later one.
BOOST_AUTO_TEST_CASE(a_cancel_is_not_overtaken_by_a_result_of_the_same_commit) {
  submit(make_job(1, 3, ada));
  grant(1);
  log.failures_left = 1;  // so that both wait for the same commit
  finish(1);
  ask(cancel_ask{numbered<core::job_id>(1), {}, reply<pinned_job_ptr>([](auto) {})});
  scheduler().trigger_timeout();
  run();
  BOOST_REQUIRE(log.results() == 1u);
  const auto stored = log.job(numbered<core::job_id>(1));
  BOOST_REQUIRE((stored.status == core::job_status::cancelled));
  const auto pinned = shared->board.find(ada, stored.id);
  BOOST_REQUIRE(pinned);
  BOOST_TEST((pinned->view().record.status == core::job_status::cancelled));
  BOOST_TEST(pinned->view().record.version == stored.version);
}

BOOST_AUTO_TEST_CASE(a_job_submitted_to_a_dying_session_is_taken_up) {
  submit(make_job(1, 1, ada));
  log.failures_left = 1;
  submit(make_job(2, 1, ada));
  seen.demand = 0;
  caf::anon_send_exit(seen.session, caf::exit_reason::kill);
  run();
  for (int i = 0; i < 3; ++i) {
    scheduler().trigger_timeout();
    run();
  }
  for (const std::int64_t token : {11, 12}) {
    grant(token);
    finish(token);
  }
  for (const int job : {1, 2})
    BOOST_TEST((log.job(numbered<core::job_id>(job)).status == core::job_status::completed));
}

// Found by the simulation: the reborn session knew only the job submitted after the death, and ran
// it beside the one that was running already.
BOOST_AUTO_TEST_CASE(asks_wait_until_a_reborn_session_knows_its_open_jobs) {
  submit(make_job(1, 2, ada));
  grant(11);  // job 1 runs
  BOOST_TEST((log.job(numbered<core::job_id>(1)).status == core::job_status::running));
  seen.demand = 0;
  // The ask arrives after the death and before the database has answered.
  caf::anon_send_exit(seen.session, caf::exit_reason::kill);
  scheduler().run_once();
  scheduler().run_once();
  submit(make_job(2, 1, ada));
  BOOST_TEST(answers.back() == "ok");
  for (std::int64_t token = 12; token < 15; ++token) {
    grant(token);
    int running = 0;
    for (const int job : {1, 2})
      if (log.job(numbered<core::job_id>(job)).status == core::job_status::running) ++running;
    BOOST_TEST(running <= 1);
    finish(token);
  }
  for (const int job : {1, 2})
    BOOST_TEST((log.job(numbered<core::job_id>(job)).status == core::job_status::completed));
}

BOOST_AUTO_TEST_CASE(asks_held_for_a_reborn_session_are_bounded) {
  submit(make_job(1, 1, ada));
  seen.demand = 0;
  caf::anon_send_exit(seen.session, caf::exit_reason::kill);
  scheduler().run_once();
  scheduler().run_once();
  std::size_t refused = 0, answered = 0;
  const auto send = [&](session_ask a) {
    caf::anon_send(registry, ask_atom::value, ada, std::make_shared<session_ask>(std::move(a)));
  };
  for (std::size_t i = 0; i < core::limits::asks_held_per_user_max + 10; ++i)
    send(wait_ask{numbered<core::job_id>(9), "", {}, reply<pinned_job_ptr>([&](auto r) {
                    ++(r.failure().code == core::error_code::unavailable ? refused : answered);
                  })});
  const auto sink = std::make_shared<samovar::testing::recording_sink>();
  send(subscribe_ask{sink, {}});
  core::account_state disabled;
  disabled.active = false;
  for (int i = 0; i < 3; ++i) send(account_ask{disabled});
  run();
  BOOST_TEST(refused == 10u);
  BOOST_TEST(answered == core::limits::asks_held_per_user_max);
  BOOST_TEST(sink->was_closed);
  BOOST_TEST(seen.demand == 0);  // that the user is disabled was not lost
}

// A database that stays away (or hangs) keeps nobody waiting for ever. What was asked for is not
// taken back: it is stored when the database returns, and the world is told then.
BOOST_AUTO_TEST_CASE(whoever_waits_too_long_for_the_database_is_answered) {
  const auto sink = std::make_shared<samovar::testing::recording_sink>();
  ask(subscribe_ask{sink, std::nullopt});
  submit(make_job(1, 2, ada));
  submit(make_job(2, 1, ada));
  answers.clear();
  log.failures_left = 1'000'000;
  std::vector<std::string> said;
  const auto note = [&](const auto& r) {
    said.push_back(r.ok() ? "ok" : std::string(to_string(r.failure().code)));
  };
  const auto wait = [&](std::chrono::milliseconds t) {
    scheduler().advance_time(t);
    run();
  };
  submit(make_job(3, 1, ada));
  ask(cancel_ask{numbered<core::job_id>(2), {}, reply<pinned_job_ptr>(note)});
  wait(shared->write_patience / 2);
  ask(priority_ask{numbered<core::job_id>(1), 7, reply<pinned_job_ptr>(note)});
  ask(pause_ask{true, reply<bool>(note)});
  wait(shared->write_patience / 2);
  BOOST_TEST(answers == std::vector<std::string>{"unavailable"}, boost::test_tools::per_element());
  BOOST_TEST(said == std::vector<std::string>{"unavailable"}, boost::test_tools::per_element());
  wait(shared->write_patience / 2);
  BOOST_TEST(said == (std::vector<std::string>{"unavailable", "unavailable", "unavailable"}),
             boost::test_tools::per_element());
  sink->events.clear();
  log.failures_left = 0;
  wait(std::chrono::seconds(10));
  BOOST_TEST(answers.size() == 1u);
  BOOST_TEST(said.size() == 3u);
  BOOST_TEST((log.job(numbered<core::job_id>(3)).status == core::job_status::queued));
  BOOST_TEST((log.job(numbered<core::job_id>(2)).status == core::job_status::cancelled));
  BOOST_TEST(log.job(numbered<core::job_id>(1)).priority == 7);
  BOOST_TEST(log.paused);
  const auto told = sink->types();
  for (const char* type : {"job.queued", "job.cancelled"})
    BOOST_TEST(std::count(told.begin(), told.end(), type) == 1);
  submit(make_job(4, 1, ada));  // as ever
  BOOST_TEST(answers.back() == "ok");
}

BOOST_AUTO_TEST_CASE(a_batch_that_is_too_much_is_tried_in_smaller_ones) {
  log.failures_left = 1;
  log.batch_max = 20;
  for (int i = 1; i <= 100; ++i) submit(make_job(i, 1, ada));
  for (int i = 0; i < 30; ++i) {
    scheduler().advance_time(std::chrono::seconds(4));
    run();
  }
  BOOST_TEST(answers.size() == 100u);
  for (int i = 1; i <= 100; ++i)
    BOOST_TEST((log.job(numbered<core::job_id>(i)).status == core::job_status::queued));
}

BOOST_AUTO_TEST_CASE(what_was_too_much_is_not_tried_again_at_once) {
  log.failures_left = 1;
  log.batch_max = 200;
  for (int i = 1; i <= 1'000; ++i) submit(make_job(i, 1, ada));
  for (int i = 0; i < 60; ++i) {
    scheduler().advance_time(std::chrono::seconds(4));
    run();
  }
  for (int i = 1; i <= 1'000; ++i)
    BOOST_TEST((log.job(numbered<core::job_id>(i)).status == core::job_status::queued));
  // 256 fail, 128 are stored: one try in vain for each commit. All forgotten at once, 512 are tried
  // as well each time.
  BOOST_TEST(shared->counters.commit_retries <= shared->counters.commits + 2);
}

// The session died long ago, or died twice: whoever asks now still has all the time.
BOOST_AUTO_TEST_CASE(each_ask_held_for_a_reborn_session_has_its_own_time) {
  const auto half = shared->write_patience / 2;
  const auto wait = [&](std::chrono::milliseconds t) {
    scheduler().advance_time(t);
    run();
  };
  submit(make_job(1, 1, ada));
  log.loads_fail = true;
  caf::anon_send_exit(seen.session, caf::exit_reason::kill);
  run();
  answers.clear();
  wait(half);
  submit(make_job(2, 1, ada));
  wait(half);
  BOOST_TEST(answers.empty());
  submit(make_job(3, 1, ada));
  wait(half);
  BOOST_TEST(answers.size() == 1u);
  wait(half);
  BOOST_TEST(answers.size() == 2u);
  log.loads_fail = false;
  wait(std::chrono::seconds(2));
  submit(make_job(4, 1, ada));
  BOOST_TEST(answers.back() == "ok");
}

BOOST_AUTO_TEST_CASE(asks_held_for_a_reborn_session_end_when_the_database_stays_away) {
  submit(make_job(1, 1, ada));
  log.loads_fail = true;
  caf::anon_send_exit(seen.session, caf::exit_reason::kill);
  run();
  answers.clear();
  submit(make_job(2, 1, ada));
  const auto sink = std::make_shared<samovar::testing::recording_sink>();
  ask(subscribe_ask{sink, {}});
  core::account_state disabled;
  disabled.active = false;
  ask(account_ask{disabled});
  BOOST_TEST(answers.empty());
  scheduler().advance_time(shared->write_patience);
  run();
  BOOST_TEST(answers == std::vector<std::string>{"unavailable"}, boost::test_tools::per_element());
  BOOST_TEST(sink->was_closed);
  log.loads_fail = false;
  seen.demand = 0;
  scheduler().advance_time(std::chrono::seconds(2));
  run();
  BOOST_TEST(seen.demand == 0);  // the job is taken up, and the user is still disabled
  core::account_state enabled;
  enabled.active = true;
  ask(account_ask{enabled});
  BOOST_TEST(seen.demand == 1);
}

BOOST_AUTO_TEST_CASE(leases_on_their_way_to_a_dying_session_come_back) {
  gpu_supervisor_config devices;
  devices.devices = {{"cpu:0", [] {
                        return std::make_unique<samovar::testing::scripted_runner>(
                            [](const core::unit_request&) { return core::unit_output{}; });
                      }}};
  devices.slots_per_device = 2;
  const auto real = system.spawn(gpu_supervisor, devices, shared);
  while (shared->usable_devices == 0) run();  // the device loads on a thread of its own
  std::vector<core::lease> first, second;
  const auto dying = system.spawn(play_session, &first);
  const auto other = system.spawn(play_session, &second);
  caf::anon_send(real, demand_atom::value, session_demand{ada, 3, 0, 1.0, {}}, dying);
  run();
  BOOST_REQUIRE_EQUAL(first.size(), 2u);
  caf::anon_send_exit(dying, caf::exit_reason::kill);
  run();
  caf::anon_send(real, demand_atom::value,
                 session_demand{numbered<core::user_id>(2), 1, 0, 1.0, {}}, other);
  run();
  BOOST_TEST(second.size() == 1u);
  caf::anon_send_exit(other, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(real, caf::exit_reason::user_shutdown);
  run();
}

BOOST_AUTO_TEST_CASE(a_result_that_the_database_refuses_fails_its_image_and_the_queue_goes_on) {
  submit(make_job(1, 2, ada));
  submit(make_job(2, 1, ada));
  log.refused_images.insert(numbered<core::image_id>(1000));
  grant(1);
  grant(2);
  finish(1);
  finish(2);
  const auto first = log.job(numbered<core::job_id>(1));
  BOOST_TEST((first.status == core::job_status::completed));
  BOOST_TEST(log.failure_of(first.id, numbered<core::image_id>(1000)) ==
             "The result could not be stored");
  grant(3);
  finish(3);
  BOOST_TEST((log.job(numbered<core::job_id>(2)).status == core::job_status::completed));
}

// Another server took the job over: this one lets go of it, and its other jobs go on.
BOOST_AUTO_TEST_CASE(a_job_that_is_not_ours_any_more_does_not_block_the_queue) {
  submit(make_job(1, 2, ada));
  submit(make_job(2, 1, ada));
  grant(1);
  log.foreign_jobs.insert(numbered<core::job_id>(1));
  finish(1);
  grant(2);
  finish(2);
  BOOST_TEST((log.job(numbered<core::job_id>(2)).status == core::job_status::completed));
}

BOOST_AUTO_TEST_SUITE_END()
