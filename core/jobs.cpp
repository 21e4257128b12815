#include "core/jobs.hpp"

namespace samovar::core {

std::string_view to_string(job_status s) {
  switch (s) {
    case job_status::queued: return "queued";
    case job_status::running: return "running";
    case job_status::completed: return "completed";
    case job_status::failed: return "failed";
    case job_status::cancelled: return "cancelled";
  }
  return "failed";
}

std::optional<job_status> parse_job_status(std::string_view text) {
  for (auto s : {job_status::queued, job_status::running, job_status::completed, job_status::failed,
                 job_status::cancelled})
    if (to_string(s) == text) return s;
  return std::nullopt;
}

bool can_move(job_status from, job_status to) {
  switch (from) {
    case job_status::queued: return to == job_status::running || to == job_status::cancelled;
    case job_status::running: return is_terminal(to);
    default: return false;
  }
}

job_status final_status(std::int32_t image_count, std::int32_t failed_count) {
  return failed_count >= image_count ? job_status::failed : job_status::completed;
}

std::string etag_of(const job_view& view) {
  std::string tag = std::to_string(view.record.version);
  if (view.queue_position) tag += "-" + std::to_string(*view.queue_position);
  return tag;
}

std::string_view to_string(unit_state s) {
  switch (s) {
    case unit_state::waiting: return "queued";
    case unit_state::running: return "running";
    case unit_state::done: return "completed";
    case unit_state::failed: return "failed";
    case unit_state::cancelled: return "cancelled";
  }
  return "failed";
}

}  // namespace samovar::core
