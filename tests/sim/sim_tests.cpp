// A million steps through whole lives, each with its own seed. SAMOVAR_SIM_SEED=N runs one life
// again; SAMOVAR_TEST_LONG=1 runs twenty million steps.
#include <spdlog/spdlog.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "tests/sim/world.hpp"

using namespace samovar;

namespace {

sim::shape shape_of(std::uint64_t seed) {
  std::mt19937_64 dice(seed * 7919);
  sim::shape s;
  s.users = 1 + static_cast<int>(dice() % 6);
  s.devices = 1 + static_cast<int>(dice() % 3);
  s.slots = 1 + static_cast<int>(dice() % 3);
  s.faults = seed % 8 != 0;
  return s;
}

sim::totals live(std::uint64_t seed, std::uint64_t steps) {
  sim::world w(seed, shape_of(seed));
  for (std::uint64_t i = 0; i < steps; ++i) w.step();
  w.settle();
  return w.seen();
}

struct quiet_log {
  quiet_log() { spdlog::set_level(spdlog::level::off); }
  ~quiet_log() { spdlog::set_level(spdlog::level::info); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(sim_tests)

BOOST_AUTO_TEST_CASE(a_million_steps_keep_every_invariant) {
  const quiet_log quiet;
  const char* one = std::getenv("SAMOVAR_SIM_SEED");
  const char* more = std::getenv("SAMOVAR_TEST_LONG");
  const std::uint64_t lives = more != nullptr && *more == '1' ? 1000 : 50;
  constexpr std::uint64_t steps = 20'000;
  sim::totals all;
  const std::uint64_t first = one != nullptr ? std::strtoull(one, nullptr, 10) : 1;
  const std::uint64_t last = one != nullptr ? first : lives;
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    try {
      all.add(live(seed, steps));
    } catch (const sim::violation& v) {
      BOOST_ERROR(v.what());
      return;
    }
  }
  BOOST_TEST_MESSAGE("steps " << all.steps << ", jobs " << all.jobs << ", units " << all.units
                              << ", events " << all.events << ", clicks " << all.clicks);
  BOOST_TEST_MESSAGE("restarts " << all.restarts << " (" << all.old_servers
                                 << " with the old server living on), session deaths "
                                 << all.session_deaths << ", leases revoked " << all.revocations
                                 << ", answers given twice " << all.twice << ", commits in doubt "
                                 << all.commits_in_doubt << ", clock jumps " << all.clock_jumps
                                 << ", quiet moments " << all.quiet);
  // A simulation in which nothing happens proves nothing.
  BOOST_TEST(all.steps >= (one != nullptr ? steps : lives * steps));
  BOOST_TEST(all.jobs > 100);
  if (one != nullptr) return;
  BOOST_TEST(all.restarts > 50);
  BOOST_TEST(all.session_deaths > 50);
  BOOST_TEST(all.revocations > 50);
  BOOST_TEST(all.commits_in_doubt > 50);
  BOOST_TEST(all.old_servers > 10);
  BOOST_TEST(all.twice > 50);
}

BOOST_AUTO_TEST_SUITE_END()
