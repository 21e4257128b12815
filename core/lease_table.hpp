// Which device slots are leased to whom. A lease is the right to run units on one slot; its token
// rises with every grant, so that a late answer under an old lease is recognised and refused.
// Time is an argument; every end of a lease is idempotent.
//
// A device has `slots_per_device` slots for batch units and one more that only a click may take, so
// that a click never waits for a slot while batch units hold them all.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/fair_scheduler.hpp"
#include "core/ids.hpp"
#include "core/time.hpp"

namespace samovar::core {

struct lease {
  std::int64_t token = 0;  ///< epoch*2^32 + counter
  std::size_t device = 0;  ///< index of the device
  user_id user;
  tick deadline{};  ///< revoked when no progress until then
  lane kind = lane::batch;
};

class lease_table {
 public:
  lease_table(std::int64_t epoch, int slots_per_device)
      : next_token_((epoch << 32) + 1), slots_per_device_(slots_per_device) {}

  /// A device is usable from now on. Idempotent.
  void device_up(std::size_t device);
  /// The device takes no leases any more; returns those that were out, now ended, oldest first.
  std::vector<lease> device_down(std::size_t device);
  /// Finishes its leases, takes no new ones.
  void drain(std::size_t device);

  /// The usable device with the most free slots for such a unit, `near` where that one has any;
  /// nullopt when all are taken.
  std::optional<std::size_t> free_device(lane kind = lane::batch,
                                         std::optional<std::size_t> near = std::nullopt) const;
  /// Precondition: the device has a free slot for such a unit.
  lease grant(user_id user, std::size_t device, tick deadline, lane kind = lane::batch);
  /// Progress was seen on the device: renews every lease on it.
  void renew_device(std::size_t device, tick deadline);
  /// Ends the lease; nullopt when it had ended before.
  std::optional<lease> end(std::int64_t token);
  /// Ends all leases of a user.
  std::vector<lease> end_of_user(user_id user);
  /// Leases whose deadline has passed (still out: end them with `end`).
  std::vector<lease> expired(tick now) const;

  bool is_out(std::int64_t token) const { return leases_.contains(token); }
  std::size_t size() const noexcept { return leases_.size(); }
  int leases_on(std::size_t device) const;
  /// Those out, by token: oldest first.
  const std::map<std::int64_t, lease>& leases() const noexcept { return leases_; }

 private:
  struct slot_use {
    bool usable = false;
    bool draining = false;
    int batch = 0;
    int clicks = 0;
    int taken() const noexcept { return batch + clicks; }
  };
  bool has_room(const slot_use& d, lane kind) const noexcept;

  std::int64_t next_token_;
  int slots_per_device_;
  std::map<std::size_t, slot_use> devices_;
  std::map<std::int64_t, lease> leases_;
};

}  // namespace samovar::core
