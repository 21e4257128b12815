// The whole actor system on real threads, with an in-memory job log and scripted devices.
#include "actors/system.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <condition_variable>
#include <future>
#include <thread>

#include "tests/actors/fakes.hpp"

using namespace samovar;
using namespace samovar::actors;
using samovar::testing::make_job;
using samovar::testing::memory_job_log;
using samovar::testing::numbered;
using samovar::testing::scripted_runner;
using namespace std::chrono_literals;

namespace {

device_spec device(std::string id, scripted_runner::script script) {
  return {std::move(id), [script] { return std::make_unique<scripted_runner>(script); }};
}

core::unit_output nothing_found() { return {{}, "scripted/1", 0.0}; }

std::string submit(actors::system& s, core::create_job job) {
  std::promise<std::string> done;
  s.submit(std::move(job), reply<submit_answer>([&](auto r) {
             done.set_value(r.ok() ? "ok" : std::string(to_string(r.failure().code)));
           }));
  return done.get_future().get();
}

// Waits for the job's end; a bound keeps a broken build from hanging, it asserts nothing about
// time.
core::job wait_for_end(const memory_job_log& log, core::job_id id) {
  for (int i = 0; i < 6000; ++i) {
    const auto j = log.job(id);
    if (core::is_terminal(j.status)) return j;
    std::this_thread::sleep_for(5ms);
  }
  BOOST_FAIL("the job did not end");
  return {};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(system_tests)

BOOST_AUTO_TEST_CASE(many_users_many_jobs_each_image_once) {
  memory_job_log log;
  std::atomic<int> units{0};
  system_config config;
  const auto script = [&](const core::unit_request&) {
    ++units;
    return nothing_found();
  };
  config.devices = {device("cpu:0", script), device("cpu:1", script)};
  actors::system s(config, log);
  std::vector<core::job_id> jobs;
  for (int u = 1; u <= 10; ++u)
    for (int j = 0; j < 5; ++j) {
      auto job = make_job(u * 10 + j, 20, numbered<core::user_id>(u));
      jobs.push_back(job.id);
      BOOST_REQUIRE_EQUAL(submit(s, std::move(job)), "ok");
    }
  for (const auto id : jobs) {
    const auto j = wait_for_end(log, id);
    BOOST_TEST((j.status == core::job_status::completed));
    BOOST_TEST(log.results_of(id) == 20u);
  }
  BOOST_TEST(units == 1000);
  BOOST_TEST(log.results() == 1000u);
  s.shutdown(1s);
}

BOOST_AUTO_TEST_CASE(a_later_user_shares_the_device_with_a_backlog) {
  memory_job_log log;
  std::atomic<int> first_user_units{0};
  const auto backlog_user = numbered<core::user_id>(1);
  system_config config;
  config.devices = {device("cpu:0", [&](const core::unit_request& u) {
    std::this_thread::sleep_for(1ms);
    if (u.user == backlog_user) ++first_user_units;
    return nothing_found();
  })};
  actors::system s(config, log);
  BOOST_REQUIRE_EQUAL(submit(s, make_job(1, 900, backlog_user)), "ok");
  while (first_user_units < 20) std::this_thread::sleep_for(1ms);
  const int before = first_user_units;
  BOOST_REQUIRE_EQUAL(submit(s, make_job(2, 50, numbered<core::user_id>(2))), "ok");
  wait_for_end(log, numbered<core::job_id>(2));
  // Ideal: they alternate, so the backlog gets about 50 units meanwhile. FIFO would give it 880.
  BOOST_TEST(first_user_units - before < 150);
  s.shutdown(1s);
}

BOOST_AUTO_TEST_CASE(a_hanging_device_loses_its_lease_and_the_unit_runs_elsewhere) {
  memory_job_log log;
  std::promise<void> let_go;
  auto released = let_go.get_future().share();
  std::atomic<bool> hung{false};
  system_config config;
  config.lease_timeout = 1s;
  const auto script = [&](const core::unit_request&) {
    if (!hung.exchange(true)) released.wait();
    return nothing_found();
  };
  config.devices = {device("cpu:0", script), device("cpu:1", script)};
  actors::system s(config, log);
  BOOST_REQUIRE_EQUAL(submit(s, make_job(1, 6, numbered<core::user_id>(1))), "ok");
  const auto j = wait_for_end(log, numbered<core::job_id>(1));
  BOOST_TEST((j.status == core::job_status::completed));
  BOOST_TEST(log.results() == 6u);
  BOOST_TEST(s.counters().leases_revoked >= 1u);
  let_go.set_value();
  s.shutdown(2s);
  BOOST_TEST(log.results() == 6u);
}

BOOST_AUTO_TEST_CASE(a_long_unit_that_makes_progress_keeps_its_lease) {
  struct looking final : core::unit_runner {
    std::string identity() const override { return "looking/1"; }
    core::unit_result run(const core::unit_request&, const core::cancel_token& cancel) override {
      for (int stage = 0; stage < 40; ++stage) {
        std::this_thread::sleep_for(100ms);
        if (cancel.cancelled()) break;
      }
      return nothing_found();
    }
  };
  memory_job_log log;
  system_config config;
  config.lease_timeout = 2s;
  config.devices = {{"cpu:0", [] { return std::make_unique<looking>(); }}};
  actors::system s(config, log);
  BOOST_REQUIRE_EQUAL(submit(s, make_job(1, 1, numbered<core::user_id>(1))), "ok");
  const auto j = wait_for_end(log, numbered<core::job_id>(1));
  BOOST_TEST((j.status == core::job_status::completed));
  BOOST_TEST(s.counters().leases_revoked == 0u);
  s.shutdown(1s);
}

BOOST_AUTO_TEST_CASE(a_unit_without_end_loses_its_lease_whatever_progress_it_shows) {
  struct endless final : core::unit_runner {
    std::atomic<bool>&first, &over;
    endless(std::atomic<bool>& f, std::atomic<bool>& o) : first(f), over(o) {}
    std::string identity() const override { return "endless/1"; }
    core::unit_result run(const core::unit_request&, const core::cancel_token& cancel) override {
      if (first.exchange(false))
        while (!over && !cancel.cancelled()) std::this_thread::sleep_for(20ms);
      return nothing_found();
    }
  };
  memory_job_log log;
  std::atomic<bool> first{true}, over{false};
  const auto make = [&] { return std::make_unique<endless>(first, over); };
  system_config config;
  config.lease_timeout = 1s;
  config.unit_timeout = 1s;
  config.devices = {{"cpu:0", make}, {"cpu:1", make}};
  actors::system s(config, log);
  BOOST_REQUIRE_EQUAL(submit(s, make_job(1, 6, numbered<core::user_id>(1))), "ok");
  const auto j = wait_for_end(log, numbered<core::job_id>(1));
  BOOST_TEST((j.status == core::job_status::completed));
  BOOST_TEST(s.counters().leases_revoked >= 1u);
  over = true;
  s.shutdown(2s);
  BOOST_TEST(log.results() == 6u);
}

BOOST_AUTO_TEST_CASE(a_device_that_throws_fails_the_image_and_lives_on) {
  memory_job_log log;
  system_config config;
  config.devices = {device(
      "cpu:0",
      [](const core::unit_request& u) -> std::variant<core::unit_output, core::unit_failure> {
        if (u.image == numbered<core::image_id>(1000)) throw std::runtime_error("secret path /x");
        return nothing_found();
      })};
  actors::system s(config, log);
  BOOST_REQUIRE_EQUAL(submit(s, make_job(1, 3, numbered<core::user_id>(1))), "ok");
  const auto j = wait_for_end(log, numbered<core::job_id>(1));
  BOOST_TEST((j.status == core::job_status::completed));
  BOOST_TEST(j.failed_count == 1);
  const auto reason = log.failure_of(j.id, numbered<core::image_id>(1000));
  BOOST_TEST(!reason.empty());
  BOOST_TEST(reason.find("secret") == std::string::npos);
  s.shutdown(1s);
}

BOOST_AUTO_TEST_CASE(a_new_server_resumes_what_the_old_one_left) {
  memory_job_log log;
  std::atomic<int> units{0};
  const auto script = [&](const core::unit_request&) {
    std::this_thread::sleep_for(2ms);
    ++units;
    return nothing_found();
  };
  system_config config;
  config.devices = {device("cpu:0", script)};
  {
    actors::system s(config, log);
    BOOST_REQUIRE_EQUAL(submit(s, make_job(1, 100, numbered<core::user_id>(1))), "ok");
    while (units < 10) std::this_thread::sleep_for(1ms);
    s.shutdown(5s);
    BOOST_REQUIRE_EQUAL(submit(s, make_job(2, 1, numbered<core::user_id>(1))), "draining");
  }
  const auto kept = log.results();
  BOOST_TEST(kept < 100u);
  BOOST_TEST(!core::is_terminal(log.job(numbered<core::job_id>(1)).status));
  actors::system s(config, log);
  wait_for_end(log, numbered<core::job_id>(1));
  BOOST_TEST(log.results() == 100u);
  BOOST_TEST(units == 100);  // nothing was done twice
  s.shutdown(1s);
}

BOOST_AUTO_TEST_CASE(a_drained_device_gets_no_leases_until_it_is_resumed) {
  memory_job_log log;
  std::atomic<int> units{0};
  system_config config;
  config.devices = {device("cpu:0", [&](const core::unit_request&) {
    ++units;
    return nothing_found();
  })};
  actors::system s(config, log);
  while (!s.ready()) std::this_thread::sleep_for(1ms);
  const auto use = [&](bool resume, const char* id) {
    std::promise<core::outcome<device_state>> done;
    reply<device_state> answer([&](auto r) { done.set_value(std::move(r)); });
    if (resume)
      s.resume_device(id, std::move(answer));
    else
      s.drain_device(id, std::move(answer));
    return done.get_future().get();
  };
  BOOST_TEST((use(false, "cpu:9").failure().code == core::error_code::not_found));
  BOOST_TEST(use(false, "cpu:0").value().draining);
  BOOST_TEST(!s.ready());
  BOOST_REQUIRE_EQUAL(submit(s, make_job(1, 3, numbered<core::user_id>(1))), "ok");
  BOOST_TEST(units == 0);
  BOOST_TEST(!use(true, "cpu:0").value().draining);
  BOOST_TEST(s.ready());
  wait_for_end(log, numbered<core::job_id>(1));
  BOOST_TEST(units == 3);
  s.shutdown(1s);
}

BOOST_AUTO_TEST_CASE(the_door_closes_when_too_much_waits_for_the_disk) {
  memory_job_log log;
  log.failures_left = 1'000'000;
  system_config config;
  config.persistence_queue_max = 3;
  actors::system s(config, log);
  std::atomic<int> refused{0};
  for (int i = 0; i < 5; ++i)
    s.submit(make_job(i, 1, numbered<core::user_id>(1)), reply<submit_answer>([&](auto r) {
               if (!r.ok() && r.failure().code == core::error_code::unavailable) ++refused;
             }));
  BOOST_TEST(refused == 2);
  s.shutdown(0s);
  BOOST_TEST(refused == 5);  // those inside are answered as well, not forgotten
}

BOOST_AUTO_TEST_CASE(a_write_keeps_its_place_at_the_door_when_its_asker_was_answered) {
  memory_job_log log;
  log.failures_left = 1'000'000;
  system_config config;
  config.persistence_queue_max = 1;
  config.write_patience = 1ms;
  actors::system s(config, log);
  BOOST_REQUIRE_EQUAL(submit(s, make_job(1, 1, numbered<core::user_id>(1))), "unavailable");
  std::string detail;
  s.submit(make_job(2, 1, numbered<core::user_id>(1)), reply<submit_answer>([&](auto r) {
             if (!r.ok()) detail = r.failure().detail;
           }));
  BOOST_TEST(detail == "The server is busy; please try again in a moment");
  s.shutdown(0s);
}

BOOST_AUTO_TEST_SUITE_END()
