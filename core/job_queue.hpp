// One user's queue: which jobs are open, which unit goes next, what each image's state is. Pure:
// the user_session actor feeds it what happened and carries out what it says.
//
// A unit is one image of one job:
//   waiting --take--> running --finished--> writing --written--> ended
//      ^________________|  (put_back: lease revoked or machine fault, attempts left)
//
// At most `max_concurrent_jobs` jobs are active (running, or asked to start) at a time; among the
// open jobs higher priority goes first, then the older one. An active job is not interrupted by a
// more urgent one that waits: priority orders who starts next and whose units go first.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "core/ids.hpp"
#include "core/jobs.hpp"
#include "core/waiting_line.hpp"

namespace samovar::core {

class job_queue {
 public:
  struct unit {
    job_id job;
    image_id image;
    std::size_t index = 0;     ///< position in the job's image_ids
    std::int32_t attempt = 1;  ///< 1 for the first try
    bool starts_job = false;   ///< the job was queued until now: record its start
  };

  void set_max_concurrent_jobs(int n) { max_concurrent_jobs_ = n < 1 ? 1 : n; }
  int max_concurrent_jobs() const noexcept { return max_concurrent_jobs_; }
  /// While paused no unit is handed out and nothing is in demand; those that run may end.
  void set_paused(bool paused) { paused_ = paused; }

  /// Adds an open job; images in `ended` need no more work. A job known already is left alone.
  void add(job record, std::shared_ptr<const job_inputs> inputs,
           const std::vector<image_id>& ended);
  /// Takes over what a commit says of the job; a terminal job leaves the queue (its units that
  /// still run may finish and are then ignored here).
  void update(const job& record);
  /// The unit to run next, now `running`; nullopt when nothing may run.
  std::optional<unit> take();
  /// The image `take` would give; nullopt when nothing may run.
  std::optional<image_id> next_image() const;
  /// Back to waiting, for the next attempt. False when the unit was not running, its job is over,
  /// or no attempt is left (it is then `writing`, and the caller records the failure).
  bool put_back(job_id job, image_id image, bool counts_as_attempt);
  /// running -> writing. False when it was not running.
  bool finished(job_id job, image_id image);
  /// writing -> ended.
  void written(job_id job, image_id image);
  /// The job stops handing out units (cancel was accepted by the caller, not yet by the database).
  void stop(job_id job);

  /// The job is somebody else's by now: it leaves the queue as it is.
  void let_go(job_id job);

  /// How many units could run now, were there slots for all. O(log n), as all that follows here
  /// without another word.
  std::int64_t demand() const;
  /// Queued jobs in the order in which they will start.
  std::vector<job_id> waiting_order(std::size_t at_most) const;
  /// 0 = starts next; nullopt when the job doesn't wait.
  std::optional<std::int32_t> position_of(job_id job) const;
  std::size_t waiting_jobs() const noexcept { return queued_.size(); }
  /// Units of active jobs, of those that start before this one, and its own, that have not ended.
  std::int64_t units_until_done(job_id job) const;
  std::vector<image_id> running_images(job_id job) const;
  /// Position in image_ids of the first image that runs; nullopt when none does.
  std::optional<std::size_t> first_running(job_id job) const;
  const job* find(job_id id) const;
  const job_inputs* inputs_of(job_id id) const;
  std::int32_t attempt_of(job_id job, image_id image) const;
  bool idle() const noexcept { return jobs_.empty(); }
  std::size_t size() const noexcept { return jobs_.size(); }
  /// Active ones first, then the others in the order in which they will start.
  std::vector<job_id> open_jobs(std::size_t at_most = SIZE_MAX) const;

 private:
  struct tracked {
    job record;
    std::shared_ptr<const job_inputs> inputs;
    std::deque<std::size_t> waiting;
    std::map<image_id, std::size_t> running;
    std::map<image_id, std::size_t> writing;
    std::map<image_id, std::int32_t> attempts;  ///< only for images tried more than once
    bool active = false;
    bool stopped = false;
  };
  using key = std::tuple<std::int32_t, timestamp, job_id>;  // -priority, created_at, id

  static key key_of(const job& j) { return {-j.priority, j.created_at, j.id}; }
  tracked* get(job_id id);
  const tracked* get(job_id id) const;
  static std::int64_t open_units(const tracked& t);
  const tracked* next() const;
  bool put_back(tracked& t, image_id image, std::size_t index, bool counts_as_attempt);
  /// Among the waiting or the active jobs, by what `t` says now; whoever changes its units waiting
  /// or open lets it leave before and take its place after.
  void take_place(const tracked& t);
  void leave_place(const tracked& t);

  std::unordered_map<job_id, tracked> jobs_;
  waiting_line<key> queued_;      ///< not active; of each the units to do
  waiting_line<key> active_;      ///< active and open; of each the units that wait
  std::int64_t active_open_ = 0;  ///< units of active jobs that have not ended
  int max_concurrent_jobs_ = 1;
  bool paused_ = false;
};

}  // namespace samovar::core
