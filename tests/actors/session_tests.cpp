// One user's session on the stage: units, events, cancel, long polls, recovery.
#include <caf/all.hpp>
#include "tests/actors/stage.hpp"

#include <boost/test/unit_test.hpp>

using namespace samovar;
using namespace samovar::actors;
using samovar::testing::make_job;
using samovar::testing::numbered;
using samovar::testing::recording_sink;
using samovar::testing::stage;

BOOST_FIXTURE_TEST_SUITE(session_tests, stage)

BOOST_AUTO_TEST_CASE(a_job_runs_from_submit_to_completed_and_events_come_in_order) {
  auto sink = std::make_shared<recording_sink>();
  ask(subscribe_ask{sink, std::nullopt});
  submit(make_job(1, 2, ada));
  BOOST_TEST(answers == std::vector<std::string>{"ok"}, boost::test_tools::per_element());
  BOOST_TEST(seen.demand == 2);
  grant(101);
  grant(102);
  BOOST_TEST(seen.units.size() == 2u);
  BOOST_TEST((log.job(numbered<core::job_id>(1)).status == core::job_status::running));
  finish(101);
  finish(102);
  const std::vector<std::string> expected{"job.queued",   "job.started",  "result.ready",
                                          "job.progress", "result.ready", "job.completed"};
  BOOST_TEST(sink->types() == expected, boost::test_tools::per_element());
  for (std::size_t i = 1; i < sink->events.size(); ++i)
    BOOST_TEST(sink->events[i]->seq > sink->events[i - 1]->seq);
  const auto pinned = shared->board.find(ada, numbered<core::job_id>(1));
  BOOST_REQUIRE(pinned);
  BOOST_TEST((pinned->view().record.status == core::job_status::completed));
  BOOST_TEST(pinned->view().record.image_ids.size() == 2u);
  BOOST_TEST(!shared->board.find(numbered<core::user_id>(2), numbered<core::job_id>(1)));
  BOOST_TEST(log.results() == 2u);
}

BOOST_AUTO_TEST_CASE(a_quick_unit_shares_its_commit_with_the_start_of_its_job) {
  auto sink = std::make_shared<recording_sink>();
  ask(subscribe_ask{sink, std::nullopt});
  submit(make_job(1, 1, ada));
  const auto commits = log.commits;
  caf::anon_send(seen.session, grant_atom::value, core::lease{1, 0, ada, {}}, worker);
  run();
  BOOST_TEST(log.commits == commits);
  finish(1);
  BOOST_TEST(log.commits == commits + 1);
  const std::vector<std::string> expected{"job.queued", "job.started", "result.ready",
                                          "job.completed"};
  BOOST_TEST(sink->types() == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(nothing_is_announced_that_is_not_stored) {
  auto sink = std::make_shared<recording_sink>();
  ask(subscribe_ask{sink, std::nullopt});
  log.failures_left = 3;
  submit(make_job(1, 1, ada));
  BOOST_TEST(answers.empty());
  BOOST_TEST(sink->events.empty());
  for (int i = 0; i < 3; ++i) {
    scheduler().trigger_timeout();
    run();
  }
  BOOST_TEST(answers.size() == 1u);
  BOOST_TEST(sink->events.size() == 1u);
}

BOOST_AUTO_TEST_CASE(an_old_token_is_refused_and_the_unit_runs_once_more) {
  submit(make_job(1, 1, ada));
  grant(101);
  caf::anon_send(seen.session, revoke_atom::value, std::int64_t{101}, true);
  run();
  grant(102);
  BOOST_TEST(seen.units.size() == 2u);
  finish(101);  // late, under the old token
  BOOST_TEST(log.results() == 0u);
  finish(102);
  finish(102);  // a duplicate
  BOOST_TEST(log.results() == 1u);
  BOOST_TEST((log.job(numbered<core::job_id>(1)).status == core::job_status::completed));
}

BOOST_AUTO_TEST_CASE(machine_faults_are_tried_three_times_input_faults_once) {
  submit(make_job(1, 2, ada));
  grant(1);
  finish(1, core::unit_failure{"not an image", false});
  for (std::int64_t t = 2; t <= 4; ++t) {
    grant(t);
    finish(t, core::unit_failure{"out of memory", true});
  }
  const auto j = log.job(numbered<core::job_id>(1));
  BOOST_TEST((j.status == core::job_status::failed));
  BOOST_TEST(j.failed_count == 2);
  BOOST_TEST(log.failure_of(j.id, j.image_ids[0]) == "not an image");
  BOOST_TEST(log.failure_of(j.id, j.image_ids[1]) == "out of memory");
}

// Whoever is told that a job is over and looks at it must find it over.
BOOST_AUTO_TEST_CASE(a_cancel_that_comes_too_late_is_refused_when_the_end_can_be_seen) {
  submit(make_job(1, 1, ada));
  grant(101);
  log.failures_left = 1;
  finish(101);  // the database is away: result and cancel will be one commit
  std::string seen_then;
  ask(cancel_ask{numbered<core::job_id>(1), {}, reply<pinned_job_ptr>([&](auto r) {
                   BOOST_REQUIRE(!r.ok());
                   BOOST_TEST((r.failure().code == core::error_code::conflict));
                   const auto job = shared->board.find(ada, numbered<core::job_id>(1));
                   seen_then = std::string(to_string(job->view().record.status));
                 })});
  BOOST_TEST(seen_then.empty());
  while (seen_then.empty() && scheduler().trigger_timeout()) run();
  BOOST_TEST(seen_then == "completed");
}

BOOST_AUTO_TEST_CASE(a_priority_that_comes_too_late_hides_no_end_and_follows_none) {
  auto sink = std::make_shared<recording_sink>();
  ask(subscribe_ask{sink, std::nullopt});
  submit(make_job(1, 1, ada));
  grant(101);
  log.failures_left = 1;
  finish(101);  // the database is away: result and priority will be one commit
  bool answered = false;
  ask(priority_ask{numbered<core::job_id>(1), 0,
                   reply<pinned_job_ptr>([&](auto) { answered = true; })});
  while (!answered && scheduler().trigger_timeout()) run();
  BOOST_TEST(answered);
  const std::vector<std::string> expected{"job.queued", "job.started", "result.ready",
                                          "job.completed"};
  BOOST_TEST(sink->types() == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(cancel_keeps_what_is_running_and_starts_nothing_more) {
  submit(make_job(1, 5, ada));
  grant(1);
  std::string cancelled;
  ask(cancel_ask{numbered<core::job_id>(1), {}, reply<pinned_job_ptr>([&](auto r) {
                   cancelled = std::string(to_string(r.value()->view().record.status));
                 })});
  BOOST_TEST(cancelled == "cancelled");
  BOOST_TEST(seen.demand == 0);
  grant(2);
  BOOST_TEST(seen.unused == std::vector<std::int64_t>{2}, boost::test_tools::per_element());
  finish(1);
  BOOST_TEST(log.results() == 1u);
  BOOST_TEST((log.job(numbered<core::job_id>(1)).status == core::job_status::cancelled));
  // The next job is not held up by it.
  submit(make_job(2, 1, ada));
  grant(3);
  finish(3);
  BOOST_TEST((log.job(numbered<core::job_id>(2)).status == core::job_status::completed));
}

BOOST_AUTO_TEST_CASE(a_click_has_a_lane_of_its_own_and_stores_nothing) {
  submit(make_job(1, 2, ada));
  grant(1);
  std::vector<std::string> said;
  const auto click = [&] {
    auto request = std::make_shared<core::unit_request>();
    request->user = ada;
    request->blob_path = "clicked";
    ask(segment_ask{request, reply<core::unit_output>([&](auto r) {
                      said.push_back(r.ok() ? r.value().model : r.failure().detail);
                    })});
  };
  click();
  BOOST_TEST(seen.demand == 1);  // the job's second image
  BOOST_TEST(seen.clicks == 1);
  grant(2, core::lane::interactive);
  BOOST_TEST(seen.units.back().second->blob_path == "clicked");
  finish(2);
  BOOST_TEST(said == std::vector<std::string>{"m"}, boost::test_tools::per_element());
  click();
  grant(3, core::lane::interactive);
  finish(3, core::unit_failure{"Text needs a SAM 3 model", false});
  BOOST_TEST(said.back() == "Text needs a SAM 3 model");
  click();
  grant(4, core::lane::interactive);
  caf::anon_send(seen.session, revoke_atom::value, std::int64_t{4}, true);
  run();
  BOOST_TEST(said.size() == 3u);  // answered as unavailable
  BOOST_TEST(log.results() == 0u);
  grant(5, core::lane::interactive);  // nobody waits for it any more
  BOOST_TEST(seen.unused == std::vector<std::int64_t>{5}, boost::test_tools::per_element());
  grant(6);
  finish(6);
  finish(1);
  BOOST_TEST((log.job(numbered<core::job_id>(1)).status == core::job_status::completed));
}

BOOST_AUTO_TEST_CASE(a_paused_queue_begins_nothing_and_goes_on_when_resumed) {
  submit(make_job(1, 3, ada));
  grant(1);
  std::vector<bool> now;
  const auto pause = [&](bool paused) {
    ask(pause_ask{paused, reply<bool>([&](auto r) { now.push_back(r.ok() && r.value()); })});
  };
  pause(true);
  BOOST_TEST(log.paused);
  BOOST_TEST(seen.demand == 0);
  grant(2);  // one that was on its way
  BOOST_TEST(seen.unused == std::vector<std::int64_t>{2}, boost::test_tools::per_element());
  finish(1);
  BOOST_TEST(log.results() == 1u);  // what ran has ended
  submit(make_job(2, 1, ada));
  BOOST_TEST(seen.demand == 0);
  pause(false);
  BOOST_TEST(seen.demand == 2);
  BOOST_TEST(now == (std::vector<bool>{true, false}), boost::test_tools::per_element());
}

// A unit that only waited behind the one on which a device hangs has not failed: its tries are for
// what it does itself.
BOOST_AUTO_TEST_CASE(a_unit_behind_a_hanging_one_is_not_charged_a_try) {
  submit(make_job(1, 1, ada));
  for (int i = 1; i <= 10; ++i) {
    grant(i);
    caf::anon_send(seen.session, revoke_atom::value, std::int64_t{i}, false);
    run();
  }
  grant(11);
  finish(11);
  BOOST_TEST((log.job(numbered<core::job_id>(1)).status == core::job_status::completed));
  BOOST_TEST(log.results() == 1u);
}

BOOST_AUTO_TEST_CASE(with_several_devices_the_next_unit_names_the_one_that_has_its_image) {
  shared->devices = 2;
  auto job = make_job(1, 2, ada);
  submit(job);
  BOOST_TEST(!seen.near.has_value());
  grant(1, core::lane::batch, 1);
  grant(2, core::lane::batch, 0);
  finish(1);
  finish(2);
  job.id = numbered<core::job_id>(2);  // the same images with another prompt
  submit(job);
  BOOST_TEST((seen.near == std::optional<std::size_t>{1}));
  grant(3, core::lane::batch, 1);
  BOOST_TEST((seen.near == std::optional<std::size_t>{0}));
}

BOOST_AUTO_TEST_CASE(a_deleted_image_fails_clearly_and_the_job_goes_on) {
  submit(make_job(1, 2, ada));
  const auto gone = numbered<core::image_id>(1000);
  log.deleted_images.insert(gone);
  grant(1);
  grant(2);
  finish(1);
  finish(2);
  const auto j = log.job(numbered<core::job_id>(1));
  BOOST_TEST((j.status == core::job_status::completed));
  BOOST_TEST(j.failed_count == 1);
  BOOST_TEST(log.failure_of(j.id, gone) == "Image was deleted");
}

BOOST_AUTO_TEST_CASE(long_polls_wake_on_change_or_at_the_end) {
  submit(make_job(1, 1, ada));
  const auto id = numbered<core::job_id>(1);
  const auto etag = shared->board.find(ada, id)->etag();
  std::vector<std::string> woken;
  const auto wait = [&](std::string tag) {
    ask(wait_ask{id, std::move(tag), std::chrono::milliseconds(30000),
                 reply<pinned_job_ptr>([&](auto r) {
                   woken.push_back(r.ok() ? r.value()->etag() : r.failure().detail);
                 })});
  };
  wait("another");
  BOOST_TEST(woken.size() == 1u);  // differs already
  wait(etag);
  wait("");
  BOOST_TEST(woken.size() == 1u);
  grant(1);
  BOOST_TEST(woken.size() == 3u);
  BOOST_TEST(woken.back() != etag);
  finish(1);
  wait(shared->board.find(ada, id)->etag());
  BOOST_TEST(woken.size() == 4u);  // terminal: at once
  ask(wait_ask{numbered<core::job_id>(9), "", std::chrono::milliseconds(1),
               reply<pinned_job_ptr>([&](auto r) { woken.push_back(r.failure().detail); })});
  BOOST_TEST(woken.back() == "Job not found");
}

BOOST_AUTO_TEST_CASE(sockets_replay_or_resync) {
  submit(make_job(1, 1, ada));
  auto first = std::make_shared<recording_sink>();
  ask(subscribe_ask{first, std::nullopt});
  BOOST_TEST(first->hello_jobs == 1u);
  grant(1);
  finish(1);
  auto again = std::make_shared<recording_sink>();
  ask(subscribe_ask{again, first->hello_seq});
  BOOST_TEST(again->types() == first->types(), boost::test_tools::per_element());
  auto stranger = std::make_shared<recording_sink>();
  ask(subscribe_ask{stranger, 7});
  BOOST_TEST(stranger->resyncs == 1);
  ask(unsubscribe_ask{first});
  const auto before = first->events.size();
  submit(make_job(2, 1, ada));
  BOOST_TEST(first->events.size() == before);
  BOOST_TEST(again->events.size() > before);
}

BOOST_AUTO_TEST_CASE(users_do_not_see_each_other) {
  const auto eve = numbered<core::user_id>(2);
  auto hers = std::make_shared<recording_sink>();
  ask(subscribe_ask{hers, std::nullopt}, eve);
  submit(make_job(1, 1, ada));
  grant(1);
  finish(1);
  BOOST_TEST(hers->events.empty());
  std::string detail;
  ask(cancel_ask{numbered<core::job_id>(1), {}, reply<pinned_job_ptr>([&](auto r) {
                   detail = r.failure().detail;
                 })},
      eve);
  BOOST_TEST(detail == "Job not found");
}

BOOST_AUTO_TEST_CASE(recovery_goes_on_where_the_database_says) {
  submit(make_job(1, 3, ada));
  grant(1);
  finish(1);
  grant(2);  // this one dies with the server
  auto next = std::make_shared<context>(log.begin_epoch());
  auto reborn = system.spawn(session_registry, writer, supervisor, std::chrono::seconds(300), next);
  caf::anon_send(reborn, recover_atom::value,
                 std::make_shared<const std::vector<core::open_job>>(log.take_open_jobs({})));
  seen.demand = 0;
  run();
  BOOST_TEST(seen.demand == 2);
  grant(11);
  grant(12);
  finish(11);
  finish(12);
  BOOST_TEST((log.job(numbered<core::job_id>(1)).status == core::job_status::completed));
  BOOST_TEST(log.results() == 3u);
  caf::anon_send_exit(reborn, caf::exit_reason::user_shutdown);
}

BOOST_AUTO_TEST_CASE(an_idle_session_retires_and_its_numbers_go_on) {
  submit(make_job(1, 1, ada));
  grant(1);
  finish(1);
  auto sink = std::make_shared<recording_sink>();
  ask(subscribe_ask{sink, std::nullopt});
  const auto seq = sink->hello_seq;
  ask(unsubscribe_ask{sink});
  BOOST_TEST(shared->counters.sessions_alive == 1u);
  // The session's own idleness uses the wall clock; the registry's side is what can race.
  caf::anon_send(registry, idle_atom::value, ada, std::uint64_t{1}, seq);  // an ask is on its way
  run();
  BOOST_TEST(shared->counters.sessions_alive == 1u);
  caf::anon_send(registry, idle_atom::value, ada, std::uint64_t{3}, seq);
  seen.session = nullptr;
  seen.answer_to = nullptr;
  run();
  BOOST_TEST(shared->counters.sessions_alive == 0u);
  BOOST_TEST(shared->board.size() == 0u);
  auto later = std::make_shared<recording_sink>();
  ask(subscribe_ask{later, seq});
  BOOST_TEST(later->hello_seq == seq);
  BOOST_TEST(later->resyncs == 0);
}

BOOST_AUTO_TEST_CASE(a_reply_is_answered_exactly_once_even_when_nobody_is_there) {
  int answered = 0;
  std::string code;
  {
    reply<int> r([&](core::outcome<int> v) {
      ++answered;
      code = v.ok() ? "ok" : std::string(to_string(v.failure().code));
    });
    auto copy = r;
  }
  BOOST_TEST(answered == 1);
  BOOST_TEST(code == "unavailable");
  {
    reply<int> r([&](core::outcome<int>) { ++answered; });
    r(1);
    r(2);
  }
  BOOST_TEST(answered == 2);
}

BOOST_AUTO_TEST_SUITE_END()
