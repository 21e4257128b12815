// The pure scheduler with its lease table: grants a second, and how fair it is (scheduling.md,
// Fairness). Time is simulated for the fairness figures, so that they are exact and repeatable.
//
//   scheduler_bench [--repeats N]
//
// Prints JSON: {"rows": [{"name", "values", "unit", "goal": [">=" | "<=", number] | null}]}.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "bench/rows.hpp"
#include "core/fair_scheduler.hpp"
#include "core/lease_table.hpp"

namespace {

using namespace samovar;
using bench::row;
using steady = std::chrono::steady_clock;

core::user_id user_number(std::size_t n) {
  core::user_id id;
  for (std::size_t i = 0; i < 8; ++i)
    id.value.bytes[15 - i] = static_cast<std::uint8_t>(n >> (8 * i));
  return id;
}

/// Grant and return, with `waiting` sessions that always want more and units of mixed lengths.
double cycles_per_second(std::size_t waiting) {
  core::fair_scheduler scheduler;
  core::lease_table leases(1, 3);
  leases.device_up(0);
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> cost(1'000.0, 50'000.0);
  for (std::size_t i = 0; i < waiting; ++i)
    scheduler.add_demand(user_number(i), 1'000'000, 1.0 + static_cast<double>(i % 4));
  constexpr int cycles = 400'000;
  const auto from = steady::now();
  for (int i = 0; i < cycles; ++i) {
    const auto device = leases.free_device();
    const auto who = scheduler.grant(*device);
    const auto lease = leases.grant(who->user, *device, core::tick{i}, who->kind);
    leases.end(lease.token);
    scheduler.returned(who->user, cost(random));
  }
  return cycles / std::chrono::duration<double>(steady::now() - from).count();
}

struct client {
  double weight = 1.0;
  double unit_ms_low = 5.0;
  double unit_ms_high = 5.0;
  std::int64_t units = 0;
  double from_ms = 0.0;
};

struct outcome {
  double device_ms = 0.0;  ///< used until the end of the simulation
  double ended_ms = 0.0;   ///< of the last unit
  std::int64_t done = 0;
};

/// One device that works on one unit after the other, three slots, as a device worker does.
std::vector<outcome> simulate(const std::vector<client>& clients, double until_ms) {
  core::fair_scheduler scheduler;
  core::lease_table leases(1, 3);
  leases.device_up(0);
  std::mt19937_64 random(11);
  std::vector<outcome> out(clients.size());
  std::vector<bool> arrived(clients.size(), false);
  std::queue<core::lease> device;  // granted, in the order in which the device takes them
  double now = 0.0;
  const auto arrive = [&] {
    for (std::size_t i = 0; i < clients.size(); ++i) {
      if (arrived[i] || clients[i].from_ms > now) continue;
      arrived[i] = true;
      scheduler.add_demand(user_number(i), clients[i].units, clients[i].weight);
    }
    while (const auto free = leases.free_device()) {
      const auto who = scheduler.grant(*free);
      if (!who) break;
      device.push(leases.grant(who->user, *free, core::tick{0}, who->kind));
    }
  };
  for (arrive(); !device.empty() && now < until_ms; arrive()) {
    const auto lease = device.front();
    device.pop();
    const auto index = static_cast<std::size_t>(lease.user.value.bytes[15]) +
                       256 * static_cast<std::size_t>(lease.user.value.bytes[14]);
    const auto& c = clients[index];
    const double cost =
        std::uniform_real_distribution<double>(c.unit_ms_low, c.unit_ms_high)(random);
    now += cost;
    auto& o = out[index];
    o.device_ms += cost;
    o.ended_ms = now;
    ++o.done;
    leases.end(lease.token);
    scheduler.returned(lease.user, cost * 1e3);
  }
  return out;
}

/// Jain, Chiu, Hawe: "A Quantitative Measure of Fairness", 1984.
double jain(const std::vector<outcome>& all) {
  double sum = 0.0, squares = 0.0;
  for (const auto& o : all) {
    sum += o.device_ms;
    squares += o.device_ms * o.device_ms;
  }
  return sum * sum / (static_cast<double>(all.size()) * squares);
}

void fairness(std::vector<row>& rows) {
  std::vector<client> equal(16, client{1.0, 1.0, 1.0, 100'000, 0.0});
  for (std::size_t i = 0; i < equal.size(); ++i) {
    // Units of 1 ms beside units of 40 ms: it is device time that is shared, not turns.
    equal[i].unit_ms_low = 0.5 + static_cast<double>(i);
    equal[i].unit_ms_high = 10.0 + 2.0 * static_cast<double>(i);
  }
  rows.push_back({"Jain's index, 16 equal users with unlike units, 10 s",
                  {jain(simulate(equal, 10'000.0))},
                  "",
                  bench::at_least(0.99)});

  std::vector<client> weighted{
      {1.0, 5.0, 5.0, 100'000, 0.0}, {2.0, 2.0, 9.0, 100'000, 0.0}, {4.0, 5.0, 5.0, 100'000, 0.0}};
  const auto shares = simulate(weighted, 10'000.0);
  const double total = shares[0].device_ms + shares[1].device_ms + shares[2].device_ms;
  double worst = 0.0;
  for (std::size_t i = 0; i < 3; ++i)
    worst = std::max(
        worst, std::abs(shares[i].device_ms / total / (weighted[i].weight / 7.0) - 1.0) * 100.0);
  rows.push_back(
      {"weights 1:2:4, worst deviation from the share, 10 s", {worst}, "%", bench::at_most(3.0)});

  const client a{1.0, 5.0, 5.0, 2'000, 0.0};
  const client b{1.0, 5.0, 5.0, 10, 502.5};
  const auto both = simulate({a, b}, 1e9);
  // Ideal: from B's arrival the two take turns, so that B's 10 images take the time of 20.
  rows.push_back({"10 images of 5 ms behind another's 2,000, against the ideal",
                  {(both[1].ended_ms - b.from_ms) / 100.0},
                  "x",
                  bench::at_most(1.25)});
  rows.push_back({"  what it costs the other beyond that work (50 ms)",
                  {both[0].ended_ms - 10'000.0 - 50.0},
                  "ms",
                  bench::at_most(0.001)});
}

}  // namespace

int main(int argc, char** argv) {
  const int repeats = bench::repeats_of(argc, argv);
  std::vector<row> rows;
  row grants{"grant and return, 10,000 sessions waiting", {}, "/s", bench::at_least(200'000)};
  row few{"  with 16 sessions waiting", {}, "/s", {}};
  for (int i = 0; i < repeats; ++i) {
    grants.values.push_back(cycles_per_second(10'000));
    few.values.push_back(cycles_per_second(16));
  }
  rows.push_back(std::move(grants));
  rows.push_back(std::move(few));
  fairness(rows);
  bench::print(rows);
  return 0;
}
