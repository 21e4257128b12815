// Every actor's typed interface: read this first. One comment per message; who sends it in
// parentheses. All messages are one-way: answers to the outside travel in `reply` objects, answers
// between actors are messages of their own (docs/decisions/001).
#pragma once

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include "actors/messages.hpp"

namespace samovar::actors {

// CAF 0.17 has no forward declaration for mutually recursive typed handles, so handles of the other
// side travel as these minimal ones; a typed handle converts to one with fewer messages.

/// What device workers need of a session.
using unit_receiver = caf::typed_actor<
    // (device_worker) the unit run under lease `token` ended
    caf::reacts_to<ran_atom, std::int64_t, unit_outcome_ptr>>;

/// Runs units on one device, one after another, clicks first; blocks on its own thread. What is not
/// the device's own work goes on beside the next unit.
using device_worker_actor = caf::typed_actor<
    // (gpu_supervisor) load the model; answered with loaded_atom to the supervisor
    caf::reacts_to<load_atom>,
    // (user_session) run this unit under this lease and answer the session
    caf::reacts_to<run_atom, core::lease, unit_request_ptr, unit_receiver>,
    // (gpu_supervisor) the lease `token` has ended: don't begin its unit
    caf::reacts_to<revoke_atom, std::int64_t>,
    // (itself) everything that had arrived is sorted in: run the next unit
    caf::reacts_to<next_atom>>;

/// What persistence needs of whoever writes.
using write_receiver = caf::typed_actor<
    // (persistence) committed or refused; only now may the world be told
    caf::reacts_to<written_atom, write_answers_ptr>>;

/// What persistence needs of the registry.
using recover_receiver = caf::typed_actor<
    // (persistence) the open jobs of this user, asked for with load_atom
    caf::reacts_to<recover_atom, core::user_id, open_jobs_ptr>>;

/// What the supervisor needs of a session.
using lease_receiver = caf::typed_actor<
    // (gpu_supervisor) run one unit on this worker under this lease
    caf::reacts_to<grant_atom, core::lease, device_worker_actor>,
    // (gpu_supervisor) the lease `token` has ended without an answer: run the unit elsewhere; true
    // when the device was at work on it, so that the try counts
    caf::reacts_to<revoke_atom, std::int64_t, bool>>;

/// Owns devices and fairness; knows no jobs.
using gpu_supervisor_actor = caf::typed_actor<
    // (user_session) wants more or fewer units than it did
    caf::reacts_to<demand_atom, session_demand, lease_receiver>,
    // (user_session) had no use for the lease
    caf::reacts_to<unused_atom, std::int64_t>,
    // (device_worker) device `index`: the unit under `token` ended and took so many microseconds of
    // the device's time
    caf::reacts_to<ran_atom, std::size_t, std::int64_t, double>,
    // (device_worker) device `index` is loaded; model identity, or empty and a reason
    caf::reacts_to<loaded_atom, std::size_t, std::string, std::string>,
    // (itself) look for leases without progress
    caf::reacts_to<expire_atom>,
    // (system) grant nothing any more
    caf::reacts_to<drain_atom>,
    // (system) an admin takes the device with this id out of use, or (true) back into use
    caf::reacts_to<drain_atom, std::string, bool, reply<device_state>>,
    // (system) for admin pages
    caf::reacts_to<inspect_atom, reply<supervisor_state>>>;

/// Serialises durable changes of jobs; group commit; blocks on its own thread.
using persistence_actor = caf::typed_actor<
    // (user_session) make this durable and answer with the ticket
    caf::reacts_to<write_atom, std::uint64_t, write_command_ptr, write_receiver>,
    // (session_registry) a session died: read the user's open jobs again
    caf::reacts_to<load_atom, core::user_id, recover_receiver>,
    // (itself) commit what has gathered
    caf::reacts_to<flush_atom>>;

/// Owns one user's queue and sockets.
using user_session_actor = caf::typed_actor<
    // (session_registry) an ask from the door
    caf::reacts_to<ask_atom, session_ask_ptr>,
    // (session_registry) open jobs found in the database at start
    caf::reacts_to<recover_atom, open_jobs_ptr>,
    // (session_registry) unmapped: end yourself
    caf::reacts_to<retire_atom>,
    // (itself) bring queue positions and estimates up to date
    caf::reacts_to<refresh_atom>,
    // (session_registry, now and then) is there still something to do?
    caf::reacts_to<idle_atom>,
    // (itself) the first unit of this job has run for a moment: record the job's start
    caf::reacts_to<start_due_atom, core::job_id>,
    // (itself) the long poll with this number has waited long enough
    caf::reacts_to<wait_over_atom, std::uint64_t>,
    // (itself) whoever has waited long enough for the database is to be answered
    caf::reacts_to<overdue_atom>>::extend<caf::reacts_to<ran_atom, std::int64_t, unit_outcome_ptr>,
                                          caf::reacts_to<written_atom, write_answers_ptr>,
                                          caf::reacts_to<grant_atom, core::lease,
                                                         device_worker_actor>,
                                          caf::reacts_to<revoke_atom, std::int64_t, bool>>;

/// Finds or spawns sessions and passes asks on.
using session_registry_actor = caf::typed_actor<
    // (system) hand this to the user's session
    caf::reacts_to<ask_atom, core::user_id, session_ask_ptr>,
    // (system, at start) open jobs, of any users
    caf::reacts_to<recover_atom, open_jobs_ptr>,
    // (persistence) a session died: what the database knows of this user's open jobs
    caf::reacts_to<recover_atom, core::user_id, open_jobs_ptr>,
    // (user_session) has had nothing to do after `asks` asks; last event number
    caf::reacts_to<idle_atom, core::user_id, std::uint64_t, std::int64_t>,
    // (itself) ask every session whether it still has something to do
    caf::reacts_to<idle_atom>,
    // (itself) what is held for this user's session has waited long enough for the database
    caf::reacts_to<overdue_atom, core::user_id>,
    // (system) tell every session that the server drains
    caf::reacts_to<drain_atom>>;

}  // namespace samovar::actors
