// Start-time fair queueing over device time (Goyal, Vin, Cheng: "Start-time Fair Queueing", 1996).
//
// Each client (a user's session) has a virtual time: device microseconds used / share weight. The
// waiting client with the lowest virtual time goes next; ties go to the one waiting longer. A
// client that was idle starts at the current minimum, so that idleness is not hoarded. As a grant's
// cost is only known afterwards, an estimate (moving average of the client's units) is charged at
// the grant and corrected at the return; with several slots a client can't run ahead of its share.
//
// Two things may go out of that order, each by a bounded amount, and each is paid for:
// - The interactive lane: somebody looks at the screen and waits for one click. Its user goes
//   before all batch work as long as the user's virtual time is at most `interactive_ahead_us`
//   past the minimum; the time is charged like any other, so that clicking without end ends in
//   the user's own fair share, where clicks still go before the user's batch units.
// - Affinity: a client that is near a device (its next image is encoded there) may be preferred
//   on it to the client whose turn it is, when its virtual time is at most `affinity_window_us`
//   later, and at most `passes_max` times in a row: with k waiting clients each is served within
//   k * (1 + passes_max) batch grants.
//
// All operations are O(log n) in the number of waiting clients. No clock, no threads.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "core/ids.hpp"

namespace samovar::core {

enum class lane : std::uint8_t { batch, interactive };

class fair_scheduler {
 public:
  struct options {
    double interactive_ahead_us = 2e6;  ///< >= 0
    double affinity_window_us = 250e3;  ///< >= 0
    int passes_max = 3;                 ///< times in a row the one in turn is passed over; >= 0
    int candidates_max = 8;             ///< how many in turn are looked at for affinity; >= 1
  };
  struct granted {
    user_id user;
    lane kind = lane::batch;
  };
  struct client_state {
    user_id user;
    std::int64_t demand = 0;  ///< units that still wait for a lease, clicks included
    int leases_out = 0;
    double served_us = 0.0;  ///< device time used since first seen
    double weight = 1.0;
  };

  fair_scheduler() = default;
  explicit fair_scheduler(options o) : options_(o) {}

  /// Changes how many units the client wants to run beyond those it holds leases for; never below
  /// zero. A delta, because grants may be on their way while the client changes its mind.
  /// weight > 0; values outside [0.001, 1000] are clamped.
  void add_demand(user_id user, std::int64_t delta, double weight, lane kind = lane::batch);
  /// The client's next unit would run cheaper on this device; nullopt: on none. A client that never
  /// had demand is not remembered.
  void set_near(user_id user, std::optional<std::size_t> device);
  /// A click's turn: the interactive client with the lowest virtual time, if within its bound.
  std::optional<user_id> grant_click();
  /// Picks the next client for this device and takes one unit off its demand, a click first;
  /// nullopt when nobody waits.
  std::optional<granted> grant(std::size_t device);
  /// Where the client whose turn it is in this lane would like to run; nullopt: anywhere.
  std::optional<std::size_t> near_of_next(lane kind) const;
  /// A grant ended having used `used_us` of device time (0 for a hand-back).
  void returned(user_id user, double used_us);
  /// The client is gone; its outstanding grants may still be returned and are then ignored.
  void remove(user_id user);

  bool anyone_waits() const noexcept { return !waiting_.empty(); }
  bool click_waits() const noexcept;
  std::vector<client_state> state() const;

 private:
  struct client {
    double virtual_us = 0.0;
    double weight = 1.0;
    double estimate_us = 0.0;  ///< expected cost of one unit
    double charged_us = 0.0;   ///< estimates charged for grants still out
    double served_us = 0.0;
    std::int64_t batch = 0;
    std::int64_t clicks = 0;
    int leases_out = 0;
    int passed = 0;  ///< how often in a row another was preferred when it was this one's turn
    std::uint64_t waiting_since = 0;
    std::optional<std::size_t> near;

    bool waits() const noexcept { return batch + clicks > 0; }
  };
  using key = std::tuple<double, std::uint64_t, user_id>;

  static key key_of(user_id user, const client& c) { return {c.virtual_us, c.waiting_since, user}; }
  void enqueue(user_id user, const client& c);
  void dequeue(user_id user, const client& c);
  void take(user_id user, lane kind);
  user_id choose(std::size_t device);

  options options_;
  std::unordered_map<user_id, client> clients_;
  std::set<key> waiting_;
  std::set<key> clicking_;  ///< those of waiting_ with a click among their demand
  double floor_us_ = 0.0;   ///< lowest virtual time at the last grant: where newcomers start
  std::uint64_t arrivals_ = 0;
};

}  // namespace samovar::core
