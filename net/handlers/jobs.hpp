// Finding a job wherever it is, shared by the job routes.
#pragma once

#include <string>

#include "net/handlers/support.hpp"

namespace samovar::net {

/// The session's view of a job, or what the database knows of it. 404 "Job not found".
core::job_view find_job(services& s, core::user_id user, core::job_id id);
/// 409 when the job has ended.
void refuse_ended(const core::job_view& view, const char* sentence);
/// 200 or 201 with the job's JSON, shared with polls and sockets.
reply job_reply(const actors::pinned_job& job, int status);
/// Hands a job to its session and answers 201, or 200 for a known idempotency key.
void submit_job(services& s, core::create_job job, const std::shared_ptr<const request>& r,
                const respond& respond);
/// The Idempotency-Key header, checked; `canonical` is what the request comes down to.
void read_idempotency_key(services& s, const request& r, const std::string& canonical,
                          core::create_job& job);

}  // namespace samovar::net
