// One user's commands of one transaction, as a unit of work: what to read, what follows, what to
// write.
//
// All reads are set-wise and come first (rows of jobs are locked); the commands are then carried
// out in memory, one after the other, so that the outcome is exactly that of running them one by
// one; the changes are written set-wise. `version` rises by one with each command that changes a
// job.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/ports.hpp"
#include "storage/pool.hpp"

namespace samovar::storage {

/// Every statement of a batch, to be prepared before its transaction begins.
std::span<const statement> batch_statements();

/// The images of a job, sorted; they never change once the job is stored.
using job_members = std::vector<core::image_id>;
std::shared_ptr<const job_members> sorted_members(job_members ids);

/// Members of open jobs read before, so that progress of a job with ten thousand images does not
/// read ten thousand ids each time. Bounded; a miss only costs the reading.
class member_cache {
 public:
  std::shared_ptr<const job_members> find(core::job_id id) const;
  void put(core::job_id id, std::shared_ptr<const job_members> members);
  void drop(core::job_id id);

 private:
  static constexpr std::size_t ids_max = 4'000'000;  // 64 MB
  std::unordered_map<core::job_id, std::shared_ptr<const job_members>> known_;
  std::size_t ids_ = 0;
};

class user_batch {
 public:
  /// `given_before`: what the commands would create may be there already, and is looked for. If it
  /// is there and was not looked for, the writes fail.
  user_batch(core::user_id user, std::int64_t epoch, member_cache& cache, bool given_before)
      : user_(user), epoch_(epoch), cache_(cache), given_before_(given_before) {}

  /// False when the command must wait for a later round: a change detection that follows a command
  /// which can end a coverage must see its effect in the database.
  bool add(std::size_t position, const core::write_command& command);

  /// SQL of the reads, in order; the first sets the acting user and gives no rows of interest.
  std::vector<std::string> reads();
  /// The reads' results, same order.
  void take(const std::vector<pqxx::result>& results);
  /// Carries the commands out; outcomes[position] of each is set.
  void decide(std::vector<core::write_outcome>& outcomes);
  /// SQL of the writes, in order; empty when nothing changed. `user_is_set`: the transaction acts
  /// for this user already.
  std::vector<std::string> writes(bool user_is_set) const;

  core::user_id user() const { return user_; }
  /// Jobs that existed before and whose inputs a create_job outcome still lacks.
  const std::map<std::size_t, core::job_id>& inputs_wanted() const { return inputs_wanted_; }

 private:
  struct image_row {
    std::string filename;
    core::job_input input;
  };
  struct job_entry {
    core::job record;
    std::optional<std::string> key;
    std::string request_hash;
    std::string snapshot;  ///< only when new
    std::shared_ptr<const core::job_inputs> inputs;
    std::shared_ptr<const job_members> members;
    std::int64_t version_read = 0;  ///< 0: new
  };
  struct ended_image {
    core::job_id job;
    core::image_id image;
    auto operator<=>(const ended_image&) const = default;
  };
  enum class read_kind { user_set, jobs, limits, images, for_jobs, covering, ended };

  void note_create(const core::create_job& c);
  void note_record(core::job_id job, core::image_id image);
  void take_jobs(const pqxx::result& rows);
  void take_for_jobs(const pqxx::result& rows);
  void take_limits(const pqxx::row& row, int at);
  void take_covering(const pqxx::result& rows);

  core::write_outcome run(std::size_t position, const core::create_job& c);
  core::write_outcome run(std::size_t position, const core::start_job& c);
  core::write_outcome run(std::size_t position, const core::record_result& c);
  core::write_outcome run(std::size_t position, const core::record_failure& c);
  core::write_outcome run(std::size_t position, const core::cancel_job& c);
  core::write_outcome run(std::size_t position, const core::set_job_priority& c);
  core::write_outcome run(std::size_t position, const core::set_queue_paused& c);

  core::outcome<std::vector<core::image_id>> choose_images(const core::create_job& c) const;
  core::write_outcome insert(const core::create_job& c, std::vector<core::image_id> chosen);
  core::outcome<job_entry*> own_job(core::job_id id);
  core::job_written written(const core::job& j) const;
  core::job_written changed(const core::job& j) const;
  static bool has_member(const job_entry& e, core::image_id image);
  void count_image(job_entry& e, bool failed, core::timestamp at, const std::string& reason);
  std::string insert_jobs_text() const;
  std::string insert_results_text() const;
  std::string insert_failures_text() const;
  std::string update_jobs_text() const;

  core::user_id user_;
  std::int64_t epoch_;
  member_cache& cache_;
  bool given_before_;
  std::vector<std::pair<std::size_t, const core::write_command*>> commands_;
  bool coverage_may_end_ = false;

  std::set<core::uuid> job_ids_, create_ids_, create_images_, record_images_;
  std::vector<std::string> keys_;
  std::set<std::pair<core::uuid, core::segmentation_mode>> covering_wanted_;
  std::vector<core::uuid> pair_jobs_, pair_images_;
  std::vector<read_kind> read_kinds_;

  /// Found in the cache while asking: what is put there meanwhile may push them out.
  std::map<core::job_id, std::shared_ptr<const job_members>> members_known_;
  std::map<core::job_id, job_entry> jobs_;
  std::map<std::string, core::job_id> by_key_;
  std::unordered_map<core::image_id, image_row> images_;  ///< of new jobs
  std::set<core::uuid> present_;                          ///< of results, when looked for
  std::map<std::pair<core::uuid, core::segmentation_mode>, core::image_prompts> covering_;
  std::map<ended_image, core::result_id> ended_;  ///< nil: a recorded failure
  int max_concurrent_jobs_ = 1;
  double share_weight_ = 1.0;
  bool queue_paused_ = false;
  bool pause_asked_ = false;

  std::vector<const core::record_result*> new_results_;
  std::vector<const core::record_failure*> new_failures_;
  std::map<std::size_t, core::job_id> inputs_wanted_;
};

}  // namespace samovar::storage
