// A model that is unloaded when idle and loaded again on demand.
#include "model/idle_runner.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <stdexcept>
#include <thread>

using namespace samovar;
using namespace std::chrono_literals;

namespace {

struct counters {
  std::atomic<int> made{0}, alive{0}, prepared{0};
  std::atomic<bool> broken{false};
};

class counted_runner final : public core::unit_runner {
 public:
  explicit counted_runner(counters& c) : counters_(c), number_(++c.made) { ++c.alive; }
  ~counted_runner() override { --counters_.alive; }
  std::string identity() const override { return "model/" + std::to_string(number_); }
  std::variant<core::unit_output, core::unit_failure> run(const core::unit_request&,
                                                          const core::cancel_token&) override {
    std::this_thread::sleep_for(run_time);
    return core::unit_output{{}, identity(), 1.0};
  }
  void prepare(const std::shared_ptr<const core::unit_request>&) override { ++counters_.prepared; }
  static inline std::chrono::milliseconds run_time{0};

 private:
  counters& counters_;
  int number_;
};

struct fixture {
  counters count;
  core::cancel_token never;
  std::unique_ptr<core::unit_runner> runner(std::chrono::milliseconds idle) {
    return model::make_idle_runner(
        [this]() -> std::unique_ptr<core::unit_runner> {
          if (count.broken) throw std::runtime_error("gone");
          return std::make_unique<counted_runner>(count);
        },
        idle);
  }
  bool waits_for(int alive) {
    for (int i = 0; i < 2000 && count.alive != alive; ++i) std::this_thread::sleep_for(5ms);
    return count.alive == alive;
  }
  static std::string model_of(const std::variant<core::unit_output, core::unit_failure>& out) {
    const auto* ok = std::get_if<core::unit_output>(&out);
    return ok != nullptr ? ok->model : std::get<core::unit_failure>(out).reason;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(idle_runner, fixture)

BOOST_AUTO_TEST_CASE(it_unloads_when_idle_and_loads_again_for_the_next_unit) {
  const auto r = runner(30ms);
  BOOST_TEST(r->identity() == "model/1");
  BOOST_TEST(waits_for(0));
  BOOST_TEST(model_of(r->run({}, never)) == "model/2");
  BOOST_TEST(r->identity() == "model/2");
  BOOST_TEST(waits_for(0));
  BOOST_TEST(count.made == 2);
}

BOOST_AUTO_TEST_CASE(units_are_prepared_and_started_by_the_inner_runner) {
  const auto r = runner(50ms);
  const auto unit = std::make_shared<const core::unit_request>();
  r->prepare(unit);
  BOOST_TEST(count.prepared == 1);
  BOOST_TEST(waits_for(0));
  r->prepare(unit);  // nobody is there to prepare it, and it loads nothing
  BOOST_TEST(count.prepared == 1);
  BOOST_TEST(count.made == 1);
  std::string model;
  r->start(unit, never, [&](const core::unit_result& out) { model = model_of(out); });
  BOOST_TEST(model == "model/2");
  BOOST_TEST(waits_for(0));
  count.broken = true;
  r->start(unit, never, [&](const core::unit_result& out) { model = model_of(out); });
  BOOST_TEST(model == "The model could not be loaded again");
}

BOOST_AUTO_TEST_CASE(it_is_not_unloaded_under_a_unit) {
  counted_runner::run_time = 200ms;
  const auto r = runner(20ms);
  for (int i = 0; i < 2; ++i) {
    BOOST_TEST(model_of(r->run({}, never)).starts_with("model/"));
    BOOST_TEST(count.alive <= 1);
  }
  counted_runner::run_time = 0ms;
  BOOST_TEST(waits_for(0));
}

BOOST_AUTO_TEST_CASE(a_model_that_cannot_come_back_fails_the_unit_as_the_machines_fault) {
  const auto r = runner(20ms);
  BOOST_TEST(waits_for(0));
  count.broken = true;
  const auto out = r->run({}, never);
  BOOST_REQUIRE(std::holds_alternative<core::unit_failure>(out));
  BOOST_TEST(std::get<core::unit_failure>(out).retryable);
  count.broken = false;
  BOOST_TEST(model_of(r->run({}, never)) == "model/2");
  count.broken = true;
  BOOST_CHECK_THROW(runner(20ms), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(it_ends_with_and_without_a_loaded_model) {
  { const auto loaded = runner(1h); }
  BOOST_TEST(count.alive == 0);
  {
    const auto r = runner(10ms);
    BOOST_TEST(waits_for(0));
  }
  BOOST_TEST(count.alive == 0);
}

BOOST_AUTO_TEST_SUITE_END()
