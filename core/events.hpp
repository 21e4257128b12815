// Events pushed to a user's sockets (scheduling.md, Events). A session numbers them; net/ turns
// them into JSON once and shares the text among all sockets.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.hpp"
#include "core/jobs.hpp"

namespace samovar::core {

enum class event_type : std::uint8_t {
  job_queued,
  job_started,
  job_progress,
  job_completed,
  job_failed,
  job_cancelled,
  result_ready,
  queue_position,
  quota_changed,
  server_draining,
};

/// "job.queued" ... as in http-api.md.
std::string_view to_string(event_type t);
constexpr bool is_terminal(event_type t) {
  return t == event_type::job_completed || t == event_type::job_failed ||
         t == event_type::job_cancelled;
}

/// Live use against limits, for quota.changed and GET /auth/me.
struct quota_use {
  std::int64_t image_count = 0;
  std::int64_t storage_bytes = 0;
  std::int32_t running_jobs = 0;
  std::int64_t max_images = 0;
  std::int64_t max_storage_mb = 0;
  std::int32_t max_concurrent_jobs = 0;
  friend bool operator==(const quota_use&, const quota_use&) = default;
};

struct event {
  event_type type = event_type::job_queued;
  std::int64_t seq = 0;                 ///< strictly increasing per user, below 2^53
  std::shared_ptr<const job_view> job;  ///< job.* and queue.position
  job_id about_job;                     ///< job.* and result.ready
  image_id image;                       ///< result.ready
  result_id result;                     ///< result.ready
  std::optional<quota_use> quota;       ///< quota.changed
};

using event_ptr = std::shared_ptr<const event>;

/// First sequence number of a boot: boot*2^32; `boot` comes from the database's sequence.
constexpr std::int64_t first_seq(std::int64_t boot) { return boot << 32; }

}  // namespace samovar::core
