// Start-time fair queueing over device time (Goyal, Vin, Cheng: "Start-time Fair Queueing", 1996).
//
// Each client (a user's session) has a virtual time: device microseconds used / share weight. The
// waiting client with the lowest virtual time goes next; ties go to the one waiting longer. A
// client that was idle starts at the current minimum, so that idleness is not hoarded. As a grant's
// cost is only known afterwards, an estimate (moving average of the client's units) is charged at
// the grant and corrected at the return; with several slots a client can't run ahead of its share.
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

class fair_scheduler {
 public:
  struct client_state {
    user_id user;
    std::int64_t demand = 0;  ///< units that still wait for a lease
    int leases_out = 0;
    double served_us = 0.0;  ///< device time used since first seen
    double weight = 1.0;
  };

  /// Changes how many units the client wants to run beyond those it holds leases for; never below
  /// zero. A delta, because grants may be on their way while the client changes its mind.
  /// weight > 0; values outside [0.001, 1000] are clamped.
  void add_demand(user_id user, std::int64_t delta, double weight);
  /// Picks the next client and takes one unit off its demand; nullopt when nobody waits.
  std::optional<user_id> grant();
  /// A grant ended having used `used_us` of device time (0 for a hand-back).
  void returned(user_id user, double used_us);
  /// The client is gone; its outstanding grants may still be returned and are then ignored.
  void remove(user_id user);

  bool anyone_waits() const noexcept { return !waiting_.empty(); }
  /// True when somebody other than `user` waits for a lease.
  bool others_wait(user_id user) const noexcept;
  std::vector<client_state> state() const;

 private:
  struct client {
    double virtual_us = 0.0;
    double weight = 1.0;
    double estimate_us = 0.0;  ///< expected cost of one unit
    double charged_us = 0.0;   ///< estimates charged for grants still out
    double served_us = 0.0;
    std::int64_t demand = 0;
    int leases_out = 0;
    std::uint64_t waiting_since = 0;
  };
  using key = std::tuple<double, std::uint64_t, user_id>;

  static key key_of(user_id user, const client& c) { return {c.virtual_us, c.waiting_since, user}; }
  void enqueue(user_id user, client& c);
  void dequeue(user_id user, const client& c);

  std::unordered_map<user_id, client> clients_;
  std::set<key> waiting_;
  double floor_us_ = 0.0;  ///< virtual time of the last grant: where newcomers start
  std::uint64_t arrivals_ = 0;
};

}  // namespace samovar::core
