// What actors say to each other, and the only home of CAF's macros. Everything here is immutable or
// a value; pointers are shared and const. In-process only: what crosses machines gets `inspect`
// overloads when worker nodes arrive.
#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "actors/system.hpp"
#include "core/lease_table.hpp"
#include "core/ports.hpp"

namespace samovar::actors {

// --- asks that come through the door, carried by the registry to the user's session

struct submit_ask {
  core::create_job job;
  reply<submit_answer> answer;
};
struct cancel_ask {
  core::job_id job;
  core::timestamp at{};
  reply<pinned_job_ptr> answer;
};
struct priority_ask {
  core::job_id job;
  std::int32_t priority = 0;
  reply<pinned_job_ptr> answer;
};
struct pause_ask {
  bool paused = false;
  reply<bool> answer;
};
struct wait_ask {
  core::job_id job;
  std::string etag;
  std::chrono::milliseconds wait{0};
  reply<pinned_job_ptr> answer;
};
struct running_ask {
  core::job_id job;
  reply<std::vector<core::image_id>> answer;
};
struct subscribe_ask {
  std::shared_ptr<event_sink> sink;
  std::optional<std::int64_t> since;
};
struct unsubscribe_ask {
  std::shared_ptr<event_sink> sink;
};
/// A click that wants its mask now; nothing is stored.
struct segment_ask {
  std::shared_ptr<const core::unit_request> request;
  reply<core::unit_output> answer;
};
struct quota_ask {
  core::quota_use use;
};
/// The user's account has changed: limits, weight, disabled or enabled, deleted.
struct account_ask {
  core::account_state state;
};
struct drain_ask {};

using session_ask =
    std::variant<submit_ask, cancel_ask, priority_ask, pause_ask, wait_ask, running_ask,
                 subscribe_ask, unsubscribe_ask, segment_ask, quota_ask, account_ask, drain_ask>;
using session_ask_ptr = std::shared_ptr<session_ask>;  ///< moved along, read by the session only

/// Asks that need no session when none is alive (a session would have nothing to say).
bool needs_session(const session_ask& ask);

// --- leases and units

/// A session's demand has changed by these numbers of units.
struct session_demand {
  core::user_id user;
  std::int64_t batch_delta = 0;
  std::int64_t click_delta = 0;
  double weight = 1.0;
  std::optional<std::size_t> near;  ///< the device that has the next unit's image encoded
};

using unit_request_ptr = std::shared_ptr<const core::unit_request>;
using unit_outcome = core::unit_result;
using unit_outcome_ptr = std::shared_ptr<const unit_outcome>;

// --- persistence

struct write_answer {
  std::uint64_t ticket = 0;
  core::write_outcome outcome;
};
using write_answers_ptr = std::shared_ptr<const std::vector<write_answer>>;
using write_command_ptr = std::shared_ptr<const core::write_command>;
using open_jobs_ptr = std::shared_ptr<const std::vector<core::open_job>>;

using ask_atom = caf::atom_constant<caf::atom("smv_ask")>;
using retire_atom = caf::atom_constant<caf::atom("smv_retire")>;
using recover_atom = caf::atom_constant<caf::atom("smv_recov")>;
using demand_atom = caf::atom_constant<caf::atom("smv_demand")>;
using grant_atom = caf::atom_constant<caf::atom("smv_grant")>;
using unused_atom = caf::atom_constant<caf::atom("smv_unused")>;
using revoke_atom = caf::atom_constant<caf::atom("smv_revoke")>;
using next_atom = caf::atom_constant<caf::atom("smv_next")>;
using run_atom = caf::atom_constant<caf::atom("smv_run")>;
using ran_atom = caf::atom_constant<caf::atom("smv_ran")>;
using load_atom = caf::atom_constant<caf::atom("smv_load")>;
using loaded_atom = caf::atom_constant<caf::atom("smv_loaded")>;
using write_atom = caf::atom_constant<caf::atom("smv_write")>;
using written_atom = caf::atom_constant<caf::atom("smv_writtn")>;
using flush_atom = caf::atom_constant<caf::atom("smv_flush")>;
using expire_atom = caf::atom_constant<caf::atom("smv_expire")>;
using refresh_atom = caf::atom_constant<caf::atom("smv_refrsh")>;
using idle_atom = caf::atom_constant<caf::atom("smv_idle")>;
using wait_over_atom = caf::atom_constant<caf::atom("smv_waitov")>;
using start_due_atom = caf::atom_constant<caf::atom("smv_start")>;
using overdue_atom = caf::atom_constant<caf::atom("smv_overdu")>;
using inspect_atom = caf::atom_constant<caf::atom("smv_inspct")>;
using drain_atom = caf::atom_constant<caf::atom("smv_drain")>;

}  // namespace samovar::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(samovar::actors::session_ask_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(samovar::actors::unit_request_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(samovar::actors::unit_outcome_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(samovar::actors::write_answers_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(samovar::actors::write_command_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(samovar::actors::open_jobs_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(samovar::core::user_id)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(samovar::core::job_id)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(samovar::core::lease)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(samovar::actors::session_demand)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(samovar::actors::reply<samovar::actors::device_state>)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(samovar::actors::reply<samovar::actors::supervisor_state>)
