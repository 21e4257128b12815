// The parts of USER SESSION, each in its own file: asks (what comes through the door), units
// (leases and what devices answer), commits (what the database answers) and views (job board,
// events, long polls). Only the session's own handlers call them.
#pragma once

#include "actors/user_session.hpp"

namespace samovar::actors::session {

using self_pointer = user_session_actor::stateful_pointer<user_session_state>;

// asks
void handle_ask(self_pointer self, session_ask& ask);
void recover(self_pointer self, const std::vector<core::open_job>& jobs);
void wait_over(self_pointer self, std::uint64_t waiter);

// units
void on_grant(self_pointer self, const core::lease& lease, const device_worker_actor& worker);
void on_ran(self_pointer self, std::int64_t token, const unit_outcome& outcome);
void on_revoked(self_pointer self, std::int64_t token, bool was_at_work);
/// Tells the supervisor when more or fewer units could run than it knows of.
void sync_demand(self_pointer self);

// commits
inline constexpr const char* deleted_reason = "Image was deleted";
void write(self_pointer self, core::write_command command, pending_write then);
/// Writes the job's start when that is still to be done.
void record_start(self_pointer self, core::job_id job);
void record_failure(self_pointer self, core::job_id job, core::image_id image, std::string reason);
void on_written(self_pointer self, const std::vector<write_answer>& answers);
/// Answers whoever has waited too long for the database. The write itself goes on.
void answer_overdue(self_pointer self);

// views
/// Publishes the job's present state: job board and long polls. Returns what was pinned.
pinned_job_ptr publish(self_pointer self, const core::job& record);
void emit(self_pointer self, core::event_type type, const pinned_job_ptr& job);
void emit(self_pointer self, core::event e);
/// Announces the use of the quotas, with the running jobs as the session knows them.
void quota_changed(self_pointer self, core::quota_use use);
/// Positions of waiting jobs may have changed.
void positions_changed(self_pointer self);
void refresh_positions(self_pointer self);
/// Takes everything this session pinned off the board.
void unpin_all(self_pointer self);

}  // namespace samovar::actors::session
