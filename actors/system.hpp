// The door to the actors: starts them, stops them, and carries asks in and answers out.
//
// No CAF here, so that net/ compiles without it. Every method may be called from any thread and
// returns at once; callbacks and sinks are called on actor threads and must be quick (post to your
// own executor). Who spawns whom:
//
//   system ── persistence (detached) ── job_log port
//          ├─ gpu_supervisor ── device_worker × n (detached) ── unit_runner port
//          └─ session_registry ── user_session × users with work or sockets
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/job_board.hpp"
#include "actors/reply.hpp"
#include "core/events.hpp"
#include "core/limits.hpp"
#include "core/ports.hpp"
#include "core/unit_journal.hpp"

namespace samovar::actors {

/// One open socket's side of a subscription. Calls come from one session actor, in seq order.
/// Implementations bound their own memory and never block.
class event_sink {
 public:
  virtual ~event_sink() = default;
  /// First call: the current sequence number and the non-terminal jobs, running ones first; more
  /// than limits::hello_jobs_max of them stand for "and others".
  virtual void hello(std::int64_t seq, const std::vector<pinned_job_ptr>& jobs) = 0;
  virtual void deliver(const core::event_ptr& e) = 0;
  /// `since` was too old or unknown: the client must reload.
  virtual void resync(std::int64_t seq) = 0;
  /// The session ended the subscription (shutdown); close the socket.
  virtual void closed() = 0;
};

struct device_spec {
  std::string id;  ///< "cpu:0", "cuda:1"
  /// Called on the worker's own thread, so that a model is loaded and used there. Throws
  /// std::exception when the model cannot be loaded (the device is then unhealthy).
  std::function<std::unique_ptr<core::unit_runner>()> make_runner;
  /// What its units are run with; the supervisor sees in it that the device makes progress.
  std::shared_ptr<core::cancel_token> cancel = std::make_shared<core::cancel_token>();
};

struct system_config {
  std::vector<device_spec> devices;
  std::size_t threads = 2;   ///< CAF scheduler threads
  int slots_per_device = 3;  ///< one computes, one is decoded, one has its masks finished
  std::chrono::seconds lease_timeout{60};
  std::chrono::seconds unit_timeout{1800};  ///< of one unit, however much progress it shows
  std::chrono::seconds session_idle{300};   ///< passivation after this long without work or sockets
  std::size_t persistence_queue_max = 20'000;
  /// Whoever asked for a change that is not stored after so long is told `unavailable`; it may be
  /// stored later.
  std::chrono::milliseconds write_patience{1000 * core::limits::write_wait_s_max};
  /// Remembers units at work over the server's death; none: nothing is remembered. Must outlive the
  /// system.
  core::unit_journal* journal = nullptr;
};

struct submit_answer {
  pinned_job_ptr job;
  bool existed = false;  ///< same idempotency key and body seen before
};

struct device_state {
  std::string id;
  std::string model;
  bool healthy = false;
  bool draining = false;
  std::int64_t units_done = 0;
  double busy_seconds = 0.0;   ///< time it computed, since the server's start
  double busy_fraction = 0.0;  ///< 0..1, over the last ten seconds
  int leases_out = 0;
};

struct queue_entry {
  core::user_id user;
  std::int64_t waiting_units = 0;
  int leases_out = 0;
  double served_seconds = 0.0;
  double share_weight = 1.0;
  std::vector<std::string> devices;  ///< where those leases are, each device once
};

struct supervisor_state {
  std::vector<device_state> devices;
  std::vector<queue_entry> queue;
};

/// Counters for /metrics; monotonic since start.
struct system_counters {
  std::uint64_t jobs_submitted = 0;
  std::uint64_t jobs_ended = 0;
  std::uint64_t units_done = 0;
  std::uint64_t units_failed = 0;
  std::uint64_t commits = 0;
  std::uint64_t commands_committed = 0;
  std::uint64_t commit_retries = 0;
  std::uint64_t leases_granted = 0;
  std::uint64_t leases_revoked = 0;
  std::uint64_t sessions_alive = 0;
  struct device {
    std::string id;
    std::int64_t units = 0;
    double busy_seconds = 0.0;  ///< time the device computed
  };
  std::vector<device> devices;
};

class system {
 public:
  /// Starts everything, takes an epoch and resumes every open job. Throws when the job_log can't
  /// be reached. `log` must outlive the system.
  system(system_config config, core::job_log& log);
  ~system();  ///< shutdown(0 s) when it was not called
  system(const system&) = delete;
  system& operator=(const system&) = delete;

  /// Durable when answered. Errors: no_valid_images, nothing_to_process, idempotency_mismatch,
  /// unavailable (queue full, draining, or the database is away: then it may yet be stored).
  void submit(core::create_job job, reply<submit_answer> answer);
  /// Answers with the job after the change; not_found "Job not found"; conflict when terminal.
  void cancel(core::user_id user, core::job_id job, reply<pinned_job_ptr> answer);
  void set_priority(core::user_id user, core::job_id job, std::int32_t priority,
                    reply<pinned_job_ptr> answer);
  /// While paused no further unit of the user's jobs begins; clicks still do. Durable when answered
  /// with what now holds.
  void set_queue_paused(core::user_id user, bool paused, reply<bool> answer);
  /// Long poll: answers when the job's ETag differs from `etag`, when the job is terminal, or at
  /// the end of `wait` (then with the unchanged job). not_found when no session knows it.
  void wait_for_change(core::user_id user, core::job_id job, std::string etag,
                       std::chrono::milliseconds wait, reply<pinned_job_ptr> answer);
  /// Runs one unit before the user's queued work and stores nothing. Counts to the user's share.
  /// Errors: unsupported_prompt with the segmenter's or decoder's sentence, unavailable.
  void segment(core::unit_request request, reply<core::unit_output> answer);
  /// Which images of the job run at this moment (empty when no session knows the job).
  void running_images(core::user_id user, core::job_id job,
                      reply<std::vector<core::image_id>> answer);

  /// Subscribes a socket: hello, then (with `since`) the missed events or resync, then live.
  void subscribe(core::user_id user, std::shared_ptr<event_sink> sink,
                 std::optional<std::int64_t> since);
  void unsubscribe(core::user_id user, std::shared_ptr<event_sink> sink);
  /// Pushes quota.changed to the user's sockets, if any.
  void announce_quota(core::user_id user, core::quota_use use);

  /// Limits and weight hold at once. Of a user who is not active no further unit starts (running
  /// ones finish); of one who no longer exists everything is let go and every socket closed.
  void account_changed(core::user_id user, core::account_state state);

  const job_board& board() const noexcept;
  void inspect(reply<supervisor_state> answer);
  /// The device finishes its leases and gets no new ones until resume_device; answers with its
  /// state. not_found "Device not found".
  void drain_device(std::string id, reply<device_state> answer);
  void resume_device(std::string id, reply<device_state> answer);
  system_counters counters() const;
  bool ready() const;  ///< at least one healthy device that is not drained
  bool draining() const;

  /// Accepts no new jobs, pushes server.draining and lets running units finish and reach the disk,
  /// for at most `grace`. Waiting jobs stay as they are in the database. Idempotent.
  void drain(std::chrono::milliseconds grace);
  /// Drains, then ends all actors. Idempotent.
  void shutdown(std::chrono::milliseconds grace);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace samovar::actors
