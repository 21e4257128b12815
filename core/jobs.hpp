// Jobs: the record a client sees and the state machine it follows.
//
//   queued --start--> running --finish--> completed | failed
//     |                  |
//     +----cancel--------+--------------> cancelled
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/ids.hpp"
#include "core/prompts.hpp"
#include "core/shared_list.hpp"
#include "core/time.hpp"

namespace samovar::core {

enum class job_status : std::uint8_t { queued, running, completed, failed, cancelled };

std::string_view to_string(job_status s);
std::optional<job_status> parse_job_status(std::string_view text);
constexpr bool is_terminal(job_status s) { return s >= job_status::completed; }

/// True when the state machine has an edge from `from` to `to`.
bool can_move(job_status from, job_status to);

/// The terminal status of a job whose images have all ended: `failed` when none worked.
job_status final_status(std::int32_t image_count, std::int32_t failed_count);

/// The stored part of a job. `version` rises by one with every commit that changes the job.
struct job {
  job_id id;
  user_id user;
  segmentation_mode mode = segmentation_mode::inside_box;
  job_status status = job_status::queued;
  std::int32_t priority = 0;  ///< higher goes first within the user's own queue
  shared_list<image_id> image_ids;
  shared_list<std::string> image_filenames;  ///< same length and order as image_ids
  std::int32_t current_index = 0;            ///< images ended, failed ones included
  std::int32_t failed_count = 0;
  std::optional<std::string> error;
  std::int64_t version = 1;
  std::int64_t fencing_token = 0;  ///< epoch of the server that owns it
  timestamp created_at{};
  std::optional<timestamp> started_at;
  std::optional<timestamp> completed_at;
};

/// One image of a job as a unit needs it: the prompts (stored in the job's snapshot) and where the
/// bytes are (read anew at recovery; an empty blob_path means the image was deleted meanwhile).
struct job_input {
  image_prompts prompts;
  std::string blob_path;
  std::string sha256;
  friend bool operator==(const job_input&, const job_input&) = default;
};
/// Inputs of every image of a job.
using job_inputs = std::map<image_id, job_input>;

/// What a client sees: the job, with what only the session knows.
struct job_view {
  job record;
  std::optional<std::int32_t> queue_position;  ///< 0 = next; only while queued
  std::optional<double> eta_seconds;
  std::optional<std::string> current_image_filename;  ///< only while running
};

/// Strong ETag value (without quotes) of a view: version and queue position.
std::string etag_of(const job_view& view);

enum class unit_state : std::uint8_t { waiting, running, done, failed, cancelled };
std::string_view to_string(unit_state s);

/// One row of GET /jobs/{id}/images.
struct job_image_state {
  image_id image;
  std::string filename;
  unit_state state = unit_state::waiting;
  std::optional<std::string> error;
  std::optional<result_id> result;
};

/// A user's own queue at a glance.
struct queue_summary {
  bool paused = false;
  std::int64_t queued_jobs = 0;
  std::int64_t running_jobs = 0;
  std::int64_t waiting_images = 0;  ///< of open jobs, without an end yet
};

}  // namespace samovar::core
