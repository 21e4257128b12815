// The device worker: what it hands to its runner, and when; what it says of a unit that ended.
#include <boost/test/unit_test.hpp>
#include <caf/all.hpp>

#include "actors/device_worker.hpp"
#include "tests/actors/stage.hpp"

using namespace samovar;
using namespace samovar::actors;
using samovar::testing::numbered;
using samovar::testing::stage;

namespace {

using done_function = std::function<void(core::unit_result)>;

struct seen_by_runner {
  std::vector<std::string> steps;
  std::vector<done_function> open;  ///< units whose masks are still being finished
  bool keep_open = false;
  bool throws = false;
};

class recording_runner final : public core::unit_runner {
 public:
  explicit recording_runner(seen_by_runner& seen) : seen_(seen) {}
  std::string identity() const override { return "recording/1"; }
  core::unit_result run(const core::unit_request&, const core::cancel_token&) override {
    return core::unit_output{{}, "recording/1", 2.5};
  }
  void prepare(const std::shared_ptr<const core::unit_request>& u) override {
    seen_.steps.push_back("prepare " + u->blob_path);
  }
  void start(const std::shared_ptr<const core::unit_request>& u, const core::cancel_token& cancel,
             done_function done) override {
    seen_.steps.push_back("run " + u->blob_path);
    if (seen_.throws) throw std::runtime_error("a model's library threw");
    if (seen_.keep_open)
      seen_.open.push_back(std::move(done));
    else
      done(run(*u, cancel));
  }

 private:
  seen_by_runner& seen_;
};

struct told {
  std::vector<std::pair<std::int64_t, double>> charged;  ///< token, microseconds
  std::vector<std::int64_t> answered;
  std::vector<bool> worked;
};

gpu_supervisor_actor::behavior_type play_boss(gpu_supervisor_actor::pointer, told* t) {
  return {[](demand_atom, const session_demand&, const lease_receiver&) {},
          [](unused_atom, std::int64_t) {},
          [=](ran_atom, std::size_t, std::int64_t token, double us) {
            t->charged.emplace_back(token, us);
          },
          [](loaded_atom, std::size_t, const std::string&, const std::string&) {},
          [](expire_atom) {},
          [](drain_atom) {},
          [](drain_atom, const std::string&, bool, const reply<device_state>&) {},
          [](inspect_atom, const reply<supervisor_state>&) {}};
}

unit_receiver::behavior_type play_session(unit_receiver::pointer, told* t) {
  return {[=](ran_atom, std::int64_t token, const unit_outcome_ptr& outcome) {
    t->answered.push_back(token);
    t->worked.push_back(std::holds_alternative<core::unit_output>(*outcome));
  }};
}

struct workshop : stage {
  workshop() {
    boss = system.spawn(play_boss, &said);
    customer = system.spawn(play_session, &said);
    device = system.spawn(
        device_worker, std::size_t{0},
        device_spec{"cpu:0", [this] { return std::make_unique<recording_runner>(runner); }}, boss,
        static_cast<core::unit_journal*>(nullptr));
    caf::anon_send(device, load_atom::value);
    run();
  }
  ~workshop() {
    runner.open.clear();
    for (const auto& a : {caf::actor_cast<caf::actor>(device), caf::actor_cast<caf::actor>(boss),
                          caf::actor_cast<caf::actor>(customer)})
      caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
    device = nullptr;
    boss = nullptr;
    customer = nullptr;
    run();
  }
  void send_unit(std::int64_t token, core::lane kind = core::lane::batch) {
    auto unit = std::make_shared<core::unit_request>();
    unit->blob_path = std::to_string(token);
    caf::anon_send(device, run_atom::value, core::lease{token, 0, ada, {}, kind},
                   unit_request_ptr{unit}, customer);
  }

  told said;
  seen_by_runner runner;
  gpu_supervisor_actor boss;
  unit_receiver customer;
  device_worker_actor device;
};

using steps = std::vector<std::string>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(worker_tests, workshop)

BOOST_AUTO_TEST_CASE(the_next_units_are_prepared_before_one_runs) {
  for (const std::int64_t token : {1, 2, 3, 4}) send_unit(token);
  send_unit(5, core::lane::interactive);
  run();
  // The click first; of what waits the next two each time.
  BOOST_TEST(runner.steps ==
             (steps{"prepare 1", "prepare 2", "run 5", "prepare 2", "prepare 3", "run 1",
                    "prepare 3", "prepare 4", "run 2", "prepare 4", "run 3", "run 4"}));
  BOOST_TEST(said.answered == (std::vector<std::int64_t>{5, 1, 2, 3, 4}));
}

BOOST_AUTO_TEST_CASE(a_unit_ends_when_its_result_is_out_and_costs_the_devices_own_time) {
  runner.keep_open = true;
  send_unit(1);
  send_unit(2);
  run();
  BOOST_TEST(runner.open.size() == 2u);  // the device went on
  BOOST_TEST(said.charged.empty());
  BOOST_TEST(said.answered.empty());
  runner.open[1](core::unit_output{{}, "recording/1", 4.0});
  runner.open[0](core::unit_failure{"The masks could not be finished", true, 1.5});
  run();
  BOOST_TEST(said.answered == (std::vector<std::int64_t>{2, 1}));
  BOOST_TEST(said.worked == (std::vector<bool>{true, false}));
  BOOST_REQUIRE(said.charged.size() == 2u);
  BOOST_TEST(said.charged[0].second == 4000.0);
  BOOST_TEST(said.charged[1].second == 1500.0);
}

BOOST_AUTO_TEST_CASE(a_unit_that_throws_ends_once_and_the_worker_goes_on) {
  runner.throws = true;
  send_unit(1);
  run();
  runner.throws = false;
  send_unit(2);
  run();
  BOOST_TEST(said.answered == (std::vector<std::int64_t>{1, 2}));
  BOOST_TEST(said.worked == (std::vector<bool>{false, true}));
  BOOST_REQUIRE(said.charged.size() == 2u);
  BOOST_TEST(said.charged[0].second > 0.0);  // what failed at once is not free
}

BOOST_AUTO_TEST_SUITE_END()
