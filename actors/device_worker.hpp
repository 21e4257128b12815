// DEVICE WORKER: owns the model on one device and runs one unit after another on its own thread.
//
// Speaks to the GPU supervisor (loaded, unit ended) and answers the session that sent a unit. It
// never judges leases: whoever gets an answer under an old token drops it. When a unit throws, the
// unit fails as a machine fault and the worker goes on.
//
// A pipeline: while the device computes one unit, the runner fetches and decodes the images of the
// next ones and finishes the masks of the one before, on threads of its own. A unit keeps its slot
// until its result is out; only the device's own time is charged.
//
// A unit that arrives is only sorted in; the next one is run by a message to itself, behind all
// that had arrived by then. So a click that comes while a unit runs is run right after it, whatever
// waits.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "actors/interfaces.hpp"
#include "core/unit_journal.hpp"

namespace samovar::actors {

struct leased_unit {
  core::lease lease;
  unit_request_ptr request;
  unit_receiver session;
};

struct device_worker_state {
  const char* name = "device_worker";
  std::deque<leased_unit> clicks;  ///< bounded by the device's slots, as is `batch`
  std::deque<leased_unit> batch;
  bool next_sent = false;
  std::unique_ptr<core::unit_runner> runner;
};

device_worker_actor::behavior_type device_worker(
    device_worker_actor::stateful_pointer<device_worker_state> self, std::size_t index,
    device_spec spec, gpu_supervisor_actor supervisor, core::unit_journal* journal);

}  // namespace samovar::actors
