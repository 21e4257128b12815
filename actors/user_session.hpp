// USER SESSION: owns one user's queue. Nobody else changes the state of that user's jobs.
//
// Asks come from the registry; durable changes go to PERSISTENCE, and only after its answer is the
// world told (the asker, the job board, the sockets). Demand goes to the GPU SUPERVISOR; a grant
// brings a worker, to which one unit is sent. Jobs are resumed from the database when the session
// is reborn, so its death loses nothing that was acknowledged.
//
//   loading (recover) --> working <--> nothing to do --idle--> retired by the registry
#pragma once

#include <caf/stateful_actor.hpp>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "actors/context.hpp"
#include "actors/interfaces.hpp"
#include "core/event_log.hpp"
#include "core/job_queue.hpp"

namespace samovar::actors {

struct user_session_config {
  core::user_id user;
  std::int64_t last_seq = 0;  ///< event numbers go on after this one
  std::chrono::seconds idle_after{300};
};

struct running_unit {
  core::job_id job;
  core::image_id image;
  unit_request_ptr request;
  std::size_t device = 0;
};

struct running_click {
  reply<core::unit_output> answer;
  core::image_id image;
  std::size_t device = 0;
};

/// Which device encoded an image last, for the newest of them.
class encoded_images {
 public:
  void note(core::image_id image, std::size_t device);
  std::optional<std::size_t> device_of(core::image_id image) const;

 private:
  std::unordered_map<core::image_id, std::size_t> device_;
  std::list<core::image_id> order_;  ///< oldest first
};

/// What to do when a durable change is answered.
struct submit_done {
  reply<submit_answer> answer;
};
struct start_done {
  core::job_id job;
};
struct unit_done {
  core::job_id job;
  core::image_id image;
  std::optional<core::result_id> result;
};
struct cancel_done {
  core::job_id job;
  reply<pinned_job_ptr> answer;
};
struct priority_done {
  reply<pinned_job_ptr> answer;
};
struct pause_done {
  reply<bool> answer;
};
using pending_write =
    std::variant<submit_done, start_done, unit_done, cancel_done, priority_done, pause_done>;
struct waiting_for_write {
  pending_write then;
  std::chrono::steady_clock::time_point since;
};

struct job_waiter {
  std::string etag;
  reply<pinned_job_ptr> answer;
};

/// Long polls that wait, by job, and each one's job by its number.
struct long_polls {
  std::map<std::pair<core::job_id, std::uint64_t>, job_waiter> waiters;
  std::unordered_map<std::uint64_t, core::job_id> jobs;
};

/// A member that few sessions have: made when first asked for.
template <class T>
class seldom {
 public:
  T& made() {
    if (!value_) value_ = std::make_unique<T>();
    return *value_;
  }
  T* get() const noexcept { return value_.get(); }
  void reset() { value_.reset(); }

 private:
  std::unique_ptr<T> value_;
};

/// Most sessions are idle, and there may be very many: containers here cost nothing while they are
/// empty (a std::deque takes 600 bytes).
struct user_session_state {
  user_session_state() = default;
  user_session_state(const user_session_state&) = delete;
  user_session_state& operator=(const user_session_state&) = delete;
  /// However the session ends, its sockets must learn of it: their clients reconnect.
  ~user_session_state() {
    for (const auto& sink : sinks) sink->closed();
    if (!shared) return;
    --shared->counters.sessions_alive;
    shared->results_pending -= static_cast<std::int64_t>(results_in_flight);
    shared->units_out -= static_cast<std::int64_t>(running.size() + running_clicks.size());
  }

  const char* name = "user_session";
  user_session_config config;
  core::job_queue queue;
  std::optional<core::event_log> events;
  std::unordered_map<core::job_id, pinned_job_ptr> pinned;
  std::list<core::job_id> terminal;              ///< pinned terminal jobs, oldest first
  std::map<std::int64_t, running_unit> running;  ///< by lease token
  std::list<segment_ask> clicks;                 ///< interactive units that wait for a lease
  std::map<std::int64_t, running_click> running_clicks;  ///< by lease token
  seldom<encoded_images> encoded;                        ///< kept only with several devices
  std::map<std::uint64_t, waiting_for_write> writes;     ///< by ticket, oldest first
  seldom<long_polls> polls;                              ///< none waits where there is none
  std::vector<std::shared_ptr<event_sink>> sinks;
  std::set<core::job_id> starts_due;  ///< units are out, the start is not yet written
  std::uint64_t next_ticket = 1;
  std::uint64_t overdue_ticket = 0;  ///< nobody waits any more for it or one before it
  std::uint64_t asks_seen = 0;
  std::int64_t declared = 0;  ///< demand the supervisor knows of, without clicks
  std::int64_t declared_clicks = 0;
  std::optional<std::size_t> declared_near;
  std::size_t results_in_flight = 0;
  double share_weight = 1.0;
  seldom<core::quota_use> quota_told;
  double unit_ms = 0.0;  ///< moving average between ends of units, while busy
  std::chrono::steady_clock::time_point last_unit_end{};
  bool refresh_sent = false;
  bool overdue_sent = false;
  bool held = false;  ///< the user is disabled: no unit starts
  std::chrono::steady_clock::time_point last_activity{};
  persistence_actor persistence;
  gpu_supervisor_actor supervisor;
  session_registry_actor registry;
  std::shared_ptr<context> shared;
};

user_session_actor::behavior_type user_session(
    user_session_actor::stateful_pointer<user_session_state> self, user_session_config config,
    persistence_actor persistence, gpu_supervisor_actor supervisor, session_registry_actor registry,
    std::shared_ptr<context> shared);

}  // namespace samovar::actors
