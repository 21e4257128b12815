// The simulated database: keeps what is committed, across the deaths of servers, with the rules of
// the real one (compare-and-set by status and by epoch). Servers reach it through a `connection`,
// which loses commits, answers and itself as the dice say.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>

#include "core/ports.hpp"

namespace samovar::sim {

using unit_key = std::pair<core::job_id, core::image_id>;

struct stored_unit {
  std::optional<core::result_id> result;  ///< else a failure
  std::string reason;
};

class store {
 public:
  std::int64_t next_epoch() { return ++epoch_; }
  std::int64_t epoch() const { return epoch_; }
  core::write_outcome apply(const core::write_command& c, std::int64_t epoch);
  std::vector<core::open_job> take_open_jobs(std::optional<core::user_id> user, std::int64_t epoch);

  const std::map<core::job_id, core::job>& jobs() const { return jobs_; }
  const core::job* find(core::job_id id) const;
  const std::map<unit_key, stored_unit>& units() const { return units_; }
  int running_jobs(core::user_id user) const;
  const std::set<core::job_id>& open_jobs() const { return open_; }

  std::set<core::image_id> deleted_images;  ///< their results are refused, as by the foreign key
  std::set<core::image_id> refused_images;  ///< their results are refused by some constraint
  std::map<core::user_id, int> max_concurrent_jobs;
  std::map<core::user_id, bool> paused;

 private:
  core::write_outcome apply(const core::create_job& c, std::int64_t epoch);
  core::write_outcome apply(const core::start_job& c, std::int64_t epoch);
  core::write_outcome apply(const core::cancel_job& c, std::int64_t epoch);
  core::write_outcome apply(const core::set_job_priority& c, std::int64_t epoch);
  core::write_outcome apply(const core::set_queue_paused& c, std::int64_t epoch);
  core::write_outcome apply(const core::record_result& c, std::int64_t epoch);
  core::write_outcome apply(const core::record_failure& c, std::int64_t epoch);
  /// The job when it is this user's and this server's to change.
  core::outcome<core::job*> owned(core::user_id user, core::job_id id, std::int64_t epoch);
  core::write_outcome end_unit(core::job& j, core::image_id image, stored_unit u);
  void move_to(core::job& j, core::job_status to);

  std::int64_t epoch_ = 0;
  std::map<core::job_id, core::job> jobs_;
  std::map<core::job_id, std::shared_ptr<const core::job_inputs>> inputs_;
  std::map<unit_key, stored_unit> units_;
  std::set<core::job_id> open_;           ///< not terminal
  std::map<core::user_id, int> running_;  ///< jobs in status running
};

/// What one server has of the store.
class connection : public core::job_log {
 public:
  connection(store& s, std::mt19937_64& dice) : store_(s), dice_(dice) {}

  std::int64_t begin_epoch() override { return epoch_ = store_.next_epoch(); }
  std::vector<core::write_outcome> commit(std::span<const core::write_command> commands) override;
  std::vector<core::open_job> take_open_jobs(std::optional<core::user_id> user) override;

  bool cut = false;            ///< nothing comes through any more
  double lost_before = 0.0;    ///< probability that a commit never happens
  double lost_in_doubt = 0.0;  ///< probability that a commit happens and its answer is lost
  std::uint64_t in_doubt = 0;  ///< how often it did

 private:
  bool chance(double p) { return std::uniform_real_distribution<>(0.0, 1.0)(dice_) < p; }

  store& store_;
  std::mt19937_64& dice_;
  std::int64_t epoch_ = 0;
};

}  // namespace samovar::sim
