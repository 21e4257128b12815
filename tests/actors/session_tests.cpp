// The real session and persistence actors on CAF's test scheduler, with a device and a supervisor
// that the test plays itself: every interleaving here is deterministic.
#include <boost/test/unit_test.hpp>
#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "actors/persistence.hpp"
#include "actors/session_registry.hpp"
#include "actors/user_session.hpp"
#include "tests/actors/fakes.hpp"

using namespace samovar;
using namespace samovar::actors;
using samovar::testing::make_job;
using samovar::testing::memory_job_log;
using samovar::testing::numbered;

namespace {

// What the played supervisor and worker have seen.
struct played {
  std::int64_t demand = 0;
  std::vector<std::int64_t> unused;
  std::vector<std::pair<std::int64_t, unit_request_ptr>> units;
  lease_receiver session;
  unit_receiver answer_to;
};

gpu_supervisor_actor::behavior_type play_supervisor(gpu_supervisor_actor::pointer, played* p) {
  return {
      [=](demand_atom, const core::user_id&, std::int64_t delta, double, const lease_receiver& s) {
        p->demand = std::max<std::int64_t>(p->demand + delta, 0);
        p->session = s;
      },
      [=](unused_atom, std::int64_t token) { p->unused.push_back(token); },
      [](ran_atom, std::size_t, std::int64_t, double) {},
      [](loaded_atom, std::size_t, const std::string&, const std::string&) {},
      [](expire_atom) {},
      [](drain_atom) {},
      [](drain_atom, const std::string&, bool, const reply<device_state>&) {},
      [](inspect_atom, const reply<supervisor_state>&) {}};
}

device_worker_actor::behavior_type play_worker(device_worker_actor::pointer, played* p) {
  return {[](load_atom) {},
          [=](run_atom, std::int64_t token, const unit_request_ptr& u, const unit_receiver& s) {
            p->units.emplace_back(token, u);
            p->answer_to = s;
          }};
}

struct recording_sink : event_sink {
  std::vector<core::event_ptr> events;
  std::int64_t hello_seq = -1;
  std::size_t hello_jobs = 0;
  int resyncs = 0;
  bool was_closed = false;
  void hello(std::int64_t seq, const std::vector<pinned_job_ptr>& jobs) override {
    hello_seq = seq;
    hello_jobs = jobs.size();
  }
  void deliver(const core::event_ptr& e) override { events.push_back(e); }
  void resync(std::int64_t) override { ++resyncs; }
  void closed() override { was_closed = true; }
  std::vector<std::string> types() const {
    std::vector<std::string> out;
    for (const auto& e : events) out.emplace_back(core::to_string(e->type));
    return out;
  }
};

struct stage {
  stage() : config(make_config()), system(config) {
    shared = std::make_shared<context>(log.begin_epoch());
    writer = system.spawn(persistence, &log, shared);
    supervisor = system.spawn(play_supervisor, &seen);
    worker = system.spawn(play_worker, &seen);
    registry =
        system.spawn(session_registry, writer, supervisor, std::chrono::seconds(300), shared);
    run();
  }
  ~stage() {
    seen.session = nullptr;
    seen.answer_to = nullptr;
    caf::anon_send_exit(registry, caf::exit_reason::user_shutdown);
    run();
    for (const auto& a :
         {caf::actor_cast<caf::actor>(writer), caf::actor_cast<caf::actor>(supervisor),
          caf::actor_cast<caf::actor>(worker)})
      caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
    registry = nullptr;
    writer = nullptr;
    supervisor = nullptr;
    worker = nullptr;
    run();
  }
  struct config_t : caf::actor_system_config {};
  static config_t& make_config() {
    static config_t c;
    c.set("scheduler.policy", caf::atom("testing"));
    return c;
  }
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }
  void run() { scheduler().run(); }
  void ask(session_ask a, core::user_id who = numbered<core::user_id>(1)) {
    caf::anon_send(registry, ask_atom::value, who, std::make_shared<session_ask>(std::move(a)));
    run();
  }
  void submit(core::create_job j) {
    ask(submit_ask{std::move(j), reply<submit_answer>([this](core::outcome<submit_answer> r) {
                     answers.push_back(r.ok() ? "ok" : std::string(to_string(r.failure().code)));
                   })},
        j.user);
  }
  void grant(std::int64_t token) {
    seen.demand = std::max<std::int64_t>(seen.demand - 1, 0);
    caf::anon_send(seen.session, grant_atom::value,
                   core::lease{token, 0, numbered<core::user_id>(1), {}}, worker);
    run();
  }
  void finish(std::int64_t token, unit_outcome o = core::unit_output{{}, "m", 1.0}) {
    caf::anon_send(seen.answer_to, ran_atom::value, token,
                   std::make_shared<const unit_outcome>(std::move(o)));
    run();
  }

  config_t& config;
  caf::actor_system system;
  memory_job_log log;
  std::shared_ptr<context> shared;
  played seen;
  persistence_actor writer;
  gpu_supervisor_actor supervisor;
  device_worker_actor worker;
  session_registry_actor registry;
  std::vector<std::string> answers;
  const core::user_id ada = numbered<core::user_id>(1);
};

}  // namespace

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
  caf::anon_send(seen.session, revoke_atom::value, std::int64_t{101});
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
