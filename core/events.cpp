#include "core/events.hpp"

namespace samovar::core {

std::string_view to_string(event_type t) {
  switch (t) {
    case event_type::job_queued: return "job.queued";
    case event_type::job_started: return "job.started";
    case event_type::job_progress: return "job.progress";
    case event_type::job_completed: return "job.completed";
    case event_type::job_failed: return "job.failed";
    case event_type::job_cancelled: return "job.cancelled";
    case event_type::result_ready: return "result.ready";
    case event_type::queue_position: return "queue.position";
    case event_type::quota_changed: return "quota.changed";
    case event_type::server_draining: return "server.draining";
  }
  return "job.progress";
}

}  // namespace samovar::core
