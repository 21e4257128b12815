// The scheduler against a naive twin that says the specification in the plainest way (a list that
// is searched), and every short history of a small world.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <random>
#include <sstream>

#include "core/fair_scheduler.hpp"
#include "core/lease_table.hpp"

using namespace samovar::core;

namespace {

user_id user(int n) {
  user_id id;
  id.value.bytes[15] = static_cast<std::uint8_t>(n);
  return id;
}

class naive_scheduler {
 public:
  explicit naive_scheduler(fair_scheduler::options o) : o_(o) {}

  void add_demand(user_id u, std::int64_t delta, double weight, lane kind) {
    auto& c = get(u);
    const bool waited = c.wants() > 0;
    c.weight = std::min(std::max(weight, 0.001), 1000.0);
    auto& n = kind == lane::interactive ? c.clicks : c.batch;
    n = std::max<std::int64_t>(0, n + delta);
    if (!waited && c.wants() > 0) {
      if (c.out == 0) c.time = std::max(c.time, floor_);
      c.since = ++arrivals_;
      c.passed = 0;
    }
  }
  void set_near(user_id u, std::optional<std::size_t> device) {
    for (auto& c : clients_)
      if (c.user == u) c.near = device;
  }
  std::optional<user_id> grant_click() {
    const auto order = in_turn();
    for (auto* c : order)
      if (c->clicks > 0) {
        if (c->time > floor_ + o_.interactive_ahead_us) return std::nullopt;
        serve(*c, order.front()->time, lane::interactive);
        return c->user;
      }
    return std::nullopt;
  }
  std::optional<fair_scheduler::granted> grant(std::size_t device) {
    const auto order = in_turn();
    if (order.empty()) return std::nullopt;
    auto* chosen = order.front();
    if (chosen->near != device && chosen->passed < o_.passes_max)
      for (std::size_t i = 1; i < order.size() && i < std::size_t(o_.candidates_max); ++i)
        if (order[i]->near == device &&
            order[i]->time <= order.front()->time + o_.affinity_window_us) {
          ++order.front()->passed;
          chosen = order[i];
          break;
        }
    const auto kind = chosen->clicks > 0 ? lane::interactive : lane::batch;
    serve(*chosen, order.front()->time, kind);
    return fair_scheduler::granted{chosen->user, kind};
  }
  void returned(user_id u, double used) {
    for (auto& c : clients_)
      if (c.user == u && c.out > 0) {
        const double charged = c.charged / c.out;
        --c.out;
        c.charged -= charged;
        c.time = std::max(c.time + (used - charged) / c.weight, 0.0);
        if (used > 0) c.estimate = c.estimate == 0 ? used : 0.75 * c.estimate + 0.25 * used;
      }
  }
  void remove(user_id u) {
    std::erase_if(clients_, [&](const auto& c) { return c.user == u; });
  }

 private:
  struct client {
    user_id user;
    double time = 0, weight = 1, estimate = 0, charged = 0;
    std::int64_t batch = 0, clicks = 0;
    int out = 0, passed = 0;
    std::uint64_t since = 0;
    std::optional<std::size_t> near;
    std::int64_t wants() const { return batch + clicks; }
  };
  client& get(user_id u) {
    for (auto& c : clients_)
      if (c.user == u) return c;
    clients_.emplace_back().user = u;
    return clients_.back();
  }
  std::vector<client*> in_turn() {
    std::vector<client*> out;
    for (auto& c : clients_)
      if (c.wants() > 0) out.push_back(&c);
    std::sort(out.begin(), out.end(), [](const auto* a, const auto* b) {
      return std::tuple(a->time, a->since) < std::tuple(b->time, b->since);
    });
    return out;
  }
  void serve(client& c, double lowest, lane kind) {
    floor_ = std::max(floor_, lowest);
    --(kind == lane::interactive ? c.clicks : c.batch);
    ++c.out;
    c.charged += c.estimate;
    c.time += c.estimate / c.weight;
    c.since = ++arrivals_;
    c.passed = 0;
  }
  fair_scheduler::options o_;
  std::vector<client> clients_;
  double floor_ = 0;
  std::uint64_t arrivals_ = 0;
};

bool same(const std::optional<fair_scheduler::granted>& a,
          const std::optional<fair_scheduler::granted>& b) {
  return a.has_value() == b.has_value() && (!a || (a->user == b->user && a->kind == b->kind));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(scheduler_twin_tests)

BOOST_AUTO_TEST_CASE(every_choice_of_a_long_random_life_is_the_naive_twins) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    std::mt19937 dice(seed);
    const auto below = [&](int n) { return static_cast<int>(dice() % static_cast<unsigned>(n)); };
    fair_scheduler::options o;
    o.interactive_ahead_us = 1000.0 * below(20);
    o.affinity_window_us = 1000.0 * below(20);
    o.passes_max = below(4);
    o.candidates_max = 1 + below(6);
    fair_scheduler real(o);
    naive_scheduler twin(o);
    std::vector<user_id> out;
    for (int step = 0; step < 5000; ++step) {
      const auto who = user(1 + below(12));
      const auto kind = below(4) == 0 ? lane::interactive : lane::batch;
      switch (below(8)) {
        case 0:
        case 1: {
          const std::int64_t delta = below(9) - 3;
          const double weight = 0.5 * (1 + below(6));
          real.add_demand(who, delta, weight, kind);
          twin.add_demand(who, delta, weight, kind);
          break;
        }
        case 2: {
          const auto near = below(3) == 0 ? std::nullopt : std::optional<std::size_t>(below(3));
          real.set_near(who, near);
          twin.set_near(who, near);
          break;
        }
        case 3: {
          const auto a = real.grant_click();
          BOOST_REQUIRE_MESSAGE(a == twin.grant_click(), "seed " << seed << " step " << step);
          if (a) out.push_back(*a);
          break;
        }
        case 4:
        case 5: {
          const auto device = static_cast<std::size_t>(below(3));
          const auto a = real.grant(device);
          BOOST_REQUIRE_MESSAGE(same(a, twin.grant(device)), "seed " << seed << " step " << step);
          if (a) out.push_back(a->user);
          break;
        }
        case 6:
          if (!out.empty()) {
            const auto at = static_cast<std::size_t>(below(static_cast<int>(out.size())));
            const double used = 500.0 * below(12);
            real.returned(out[at], used);
            twin.returned(out[at], used);
            out.erase(out.begin() + static_cast<std::ptrdiff_t>(at));
          }
          break;
        default:
          if (below(60) == 0) {
            real.remove(who);
            twin.remove(who);
            std::erase(out, who);
          }
      }
    }
  }
}

// Every history of eight moves of three users on one slot: work is conserved, demand and leases
// are counted right, and two users who wait all the time never drift apart by more than SFQ's
// bound, one unit of each.
namespace {

struct history {
  fair_scheduler s;
  std::int64_t demand[3] = {0, 0, 0};
  std::optional<int> running;
  double served[3] = {0, 0, 0};
};

constexpr double costs[3] = {1000, 2000, 3000};

void check(const history& h) {
  bool any = false;
  for (const auto d : h.demand) any = any || d > 0;
  BOOST_REQUIRE_EQUAL(h.s.anyone_waits(), any);
  for (const auto& c : h.s.state()) {
    const int i = c.user.value.bytes[15];
    BOOST_REQUIRE_EQUAL(c.demand, h.demand[i]);
    BOOST_REQUIRE_EQUAL(c.leases_out, h.running == i ? 1 : 0);
    BOOST_REQUIRE_EQUAL(c.served_us, h.served[i]);
  }
}

std::uint64_t explore(const history& h, int depth) {
  check(h);
  if (depth == 0) return 1;
  std::uint64_t n = 1;
  for (int u = 0; u < 3; ++u)
    for (const int delta : {-1, 2}) {
      if (delta < 0 && h.demand[u] == 0) continue;
      auto next = h;
      next.s.add_demand(user(u), delta, 1.0);
      next.demand[u] = std::max<std::int64_t>(0, next.demand[u] + delta);
      n += explore(next, depth - 1);
    }
  auto next = h;
  if (h.running) {
    next.s.returned(user(*h.running), costs[*h.running]);
    next.served[*h.running] += costs[*h.running];
    next.running.reset();
    n += explore(next, depth - 1);
  } else if (const auto got = next.s.grant(0)) {
    const int u = got->user.value.bytes[15];
    BOOST_REQUIRE_GT(h.demand[u], 0);
    --next.demand[u];
    next.running = u;
    n += explore(next, depth - 1);
  }
  return n;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_short_history_keeps_the_books) {
  const auto n = explore(history{}, 7);
  BOOST_TEST_MESSAGE(n << " histories");
  BOOST_TEST(n > 100'000u);
}

// Every way in which three users' units may cost one or three milliseconds, ten units long.
BOOST_AUTO_TEST_CASE(backlogged_users_never_drift_apart_by_more_than_a_unit_of_each) {
  for (unsigned bits = 0; bits < (1u << 14); ++bits) {
    fair_scheduler s;
    double served[3] = {0, 0, 0};
    const double weight[3] = {1, 1, 2};
    for (int u = 0; u < 3; ++u) s.add_demand(user(u), 100, weight[u]);
    for (int i = 0; i < 14; ++i) {
      const auto got = s.grant(0);
      const int u = got->user.value.bytes[15];
      const double us = bits >> i & 1 ? 3000 : 1000;
      s.returned(user(u), us);
      served[u] += us;
      for (int a = 0; a < 3; ++a)
        for (int b = 0; b < 3; ++b)
          BOOST_REQUIRE_LE(served[a] / weight[a] - served[b] / weight[b],
                           3000 / weight[a] + 3000 / weight[b]);
    }
  }
}

// Every history of seven moves of two devices with one slot each and one for clicks.
namespace {

std::uint64_t explore_leases(const lease_table& t, std::vector<lease> out, int depth) {
  for (std::size_t d = 0; d < 2; ++d) {
    int batch = 0, clicks = 0;
    for (const auto& l : out)
      if (l.device == d) ++(l.kind == lane::batch ? batch : clicks);
    BOOST_REQUIRE_LE(batch, 1);
    BOOST_REQUIRE_LE(batch + clicks, 2);
    BOOST_REQUIRE_EQUAL(t.leases_on(d), batch + clicks);
  }
  BOOST_REQUIRE_EQUAL(t.size(), out.size());
  if (depth == 0) return 1;
  std::uint64_t n = 1;
  for (std::size_t d = 0; d < 2; ++d) {
    auto up = t;
    up.device_up(d);
    n += explore_leases(up, out, depth - 1);
    auto drained = t;
    drained.drain(d);
    BOOST_REQUIRE(drained.free_device() != std::optional(d));
    n += explore_leases(drained, out, depth - 1);
    auto down = t;
    const auto ended = down.device_down(d);
    auto left = out;
    for (const auto& l : ended)
      BOOST_REQUIRE_EQUAL(std::erase_if(left, [&](const auto& o) { return o.token == l.token; }),
                          1);
    BOOST_REQUIRE(
        std::none_of(left.begin(), left.end(), [&](const auto& l) { return l.device == d; }));
    n += explore_leases(down, left, depth - 1);
  }
  for (const auto kind : {lane::batch, lane::interactive}) {
    const auto device = t.free_device(kind);
    if (!device) continue;
    auto next = t;
    auto more = out;
    more.push_back(next.grant(user(1), *device, tick{1}, kind));
    n += explore_leases(next, more, depth - 1);
  }
  if (!out.empty()) {
    auto next = t;
    BOOST_REQUIRE(next.end(out.front().token));
    BOOST_REQUIRE(!next.end(out.front().token));
    n += explore_leases(next, {out.begin() + 1, out.end()}, depth - 1);
  }
  return n;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_short_history_of_leases_keeps_the_slots) {
  const auto n = explore_leases(lease_table(1, 1), {}, 6);
  BOOST_TEST_MESSAGE(n << " histories");
  BOOST_TEST(n > 100'000u);
}

BOOST_AUTO_TEST_SUITE_END()
