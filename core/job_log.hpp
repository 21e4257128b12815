// The write side of jobs and results, as actors see it: durable commands and what became of them.
// Implemented in storage/.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/detections.hpp"
#include "core/errors.hpp"
#include "core/ids.hpp"
#include "core/jobs.hpp"
#include "core/prompts.hpp"

namespace samovar::core {

struct create_job {
  job_id id;
  user_id user;
  segmentation_mode mode = segmentation_mode::inside_box;
  std::vector<image_id> image_ids;  ///< as asked; unknown and duplicate ones are dropped
  bool force_all = false;
  std::int32_t priority = 0;
  std::optional<std::string> idempotency_key;
  std::string request_hash;  ///< SHA-256 of the canonical request, with idempotency_key
  timestamp at{};
};
struct start_job {
  user_id user;
  job_id job;
  timestamp at{};
};
/// One image ended well. The row's id, blob paths etc. are in `result`.
struct record_result {
  user_id user;
  job_id job;
  std::shared_ptr<const processing_result> result;
};
/// One image failed for good.
struct record_failure {
  user_id user;
  job_id job;
  image_id image;
  std::int32_t attempts = 1;
  std::string reason;
  timestamp at{};
};
struct cancel_job {
  user_id user;
  job_id job;
  timestamp at{};
};
struct set_job_priority {
  user_id user;
  job_id job;
  std::int32_t priority = 0;
};

/// While paused no further unit of the user's jobs begins; those that run finish.
struct set_queue_paused {
  user_id user;
  bool paused = false;
};

using write_command = std::variant<create_job, start_job, record_result, record_failure, cancel_job,
                                   set_job_priority, set_queue_paused>;
user_id user_of(const write_command& c);

/// The job as it stands after the commit.
struct job_written {
  /// Empty for set_queue_paused.
  /// image_ids and image_filenames are filled only for create_job (they never change, and copying
  /// ten thousand names after each image would be the most expensive part of a commit).
  job record;
  std::shared_ptr<const job_inputs> inputs;  ///< only for create_job
  bool existed = false;  ///< create_job with a known idempotency key: nothing was written
  /// The image had been recorded before by somebody else: nothing was written. A row that was
  /// given again after a commit in doubt is not a duplicate of itself.
  bool duplicate = false;
  int max_concurrent_jobs = 1;  ///< only for create_job: the user's limit as read
  double share_weight = 1.0;    ///< only for create_job
  bool queue_paused = false;    ///< only for create_job and set_queue_paused
};
/// not_found for an unknown job, conflict for a state or a fencing token that does not match.
using write_outcome = outcome<job_written>;

/// An unfinished job found at recovery.
struct open_job {
  job record;
  std::shared_ptr<const job_inputs> inputs;
  std::vector<image_id> ended;  ///< images with a result or a recorded failure
  int max_concurrent_jobs = 1;
  double share_weight = 1.0;
  bool queue_paused = false;
  bool held = false;  ///< the user is disabled: nothing of it may run
};

/// The write side of jobs and results: group commit (data.md, Writes). One thread.
/// A result or failure that is the last of its job also moves the job to its final status, in the
/// same commit.
class job_log {
 public:
  virtual ~job_log() = default;
  /// Takes a new epoch (fencing token, boot number) from the database's sequence.
  virtual std::int64_t begin_epoch() = 0;
  /// In few transactions; when one fails, each of its commands alone. outcomes.size() ==
  /// commands.size(). Throws store_unavailable when the database is away: then nothing may be
  /// assumed, and the same commands can be given again (they are idempotent).
  virtual std::vector<write_outcome> commit(std::span<const write_command> commands) = 0;
  /// Every non-terminal job (of one user, or of all), oldest first, taken over by this epoch.
  virtual std::vector<open_job> take_open_jobs(std::optional<user_id> user) = 0;
};

}  // namespace samovar::core
