// GPU SUPERVISOR: owns the devices and shares them fairly by device time.
//
// Speaks to sessions (demand in, grants out) and device workers. Knows no jobs: only which session
// wants how many units at which weight, and which leases are out. A lease is for one unit; it ends
// when the worker says so, so that a slot counts as taken as long as the device is really busy.
// When a session dies its demand is forgotten, its leases end and units on a device run out; when a
// lease sees no progress for `lease_timeout`, or the device ends no unit for `unit_timeout` however
// much it computes, the device is taken out, the lease revoked and the
// unit run elsewhere; the device comes back when its worker answers again.
//
//   device: loading --loaded--> healthy --lease expired--> suspect --unit ended--> healthy
//              \--reason------> failed (retried with backoff)
#pragma once

#include <caf/stateful_actor.hpp>
#include <deque>
#include <functional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/context.hpp"
#include "actors/device_worker.hpp"
#include "actors/interfaces.hpp"
#include "core/fair_scheduler.hpp"
#include "core/lease_table.hpp"

namespace samovar::actors {

struct gpu_supervisor_config {
  std::vector<device_spec> devices;
  int slots_per_device = 2;
  std::chrono::seconds lease_timeout{60};
  std::chrono::seconds unit_timeout{1800};  ///< progress counts for so long after a unit's end
  /// Makes the worker of device `index`; empty: a detached device_worker. A test puts its own here.
  std::function<device_worker_actor(std::size_t index, gpu_supervisor_actor supervisor)>
      make_worker = {};
};

struct supervised_device {
  device_worker_actor worker;
  device_state report;
  bool suspect = false;
  int load_failures = 0;
  std::uint64_t looks = 0;  ///< of its token, when last seen
  core::tick unit_since{};  ///< when its last unit ended, or it got one after it had none
  /// Time and busy seconds at each look for expired leases of the last ten seconds.
  std::deque<std::pair<core::tick, double>> busy_then;
};

struct gpu_supervisor_state {
  const char* name = "gpu_supervisor";
  core::fair_scheduler scheduler;
  core::lease_table leases{0, 2};
  std::vector<supervised_device> devices;
  std::unordered_map<core::user_id, lease_receiver> sessions;
  bool draining = false;
};

gpu_supervisor_actor::behavior_type gpu_supervisor(
    gpu_supervisor_actor::stateful_pointer<gpu_supervisor_state> self, gpu_supervisor_config config,
    std::shared_ptr<context> shared);

}  // namespace samovar::actors
