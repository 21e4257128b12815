// Fakes of the ports that actors reach: a job log that keeps everything in memory, with the rules
// of the real one, and runners that do what a test tells them.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <mutex>
#include <set>

#include "core/ports.hpp"

namespace samovar::testing {

template <class Id>
Id numbered(int n) {
  Id id;
  for (std::size_t i = 0; i < 4; ++i)
    id.value.bytes[15 - i] = static_cast<std::uint8_t>(n >> (8 * i));
  return id;
}

/// In-memory job log. Thread-safe, so that a test can look while actors write.
class memory_job_log : public core::job_log {
 public:
  std::int64_t begin_epoch() override { return ++epoch_; }

  std::vector<core::write_outcome> commit(std::span<const core::write_command> commands) override {
    const std::lock_guard lock(mutex_);
    if (failures_left > 0 || commands.size() > batch_max) {
      if (failures_left > 0) --failures_left;
      throw core::store_unavailable("the test took the database away");
    }
    ++commits;
    std::vector<core::write_outcome> out;
    for (const auto& c : commands)
      out.push_back(std::visit([this](const auto& command) { return apply(command); }, c));
    return out;
  }

  std::vector<core::open_job> take_open_jobs(std::optional<core::user_id> user) override {
    const std::lock_guard lock(mutex_);
    if (loads_fail) throw core::store_unavailable("the test took the database away");
    std::vector<core::open_job> out;
    for (auto& [id, j] : jobs_) {
      if (core::is_terminal(j.status) || (user && j.user != *user)) continue;
      j.fencing_token = epoch_;
      core::open_job open{j, inputs_[id], {}, 1, 1.0, paused};
      for (const auto image : j.image_ids)
        if (ended_.contains({id, image})) open.ended.push_back(image);
      out.push_back(std::move(open));
    }
    return out;
  }

  core::job job(core::job_id id) const {
    const std::lock_guard lock(mutex_);
    return jobs_.at(id);
  }
  std::size_t results() const {
    const std::lock_guard lock(mutex_);
    return results_.size();
  }
  std::size_t results_of(core::job_id job) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::count_if(
        results_.begin(), results_.end(), [&](const auto& r) { return r.first.first == job; }));
  }
  std::string failure_of(core::job_id job, core::image_id image) const {
    const std::lock_guard lock(mutex_);
    const auto it = failures_.find({job, image});
    return it == failures_.end() ? std::string() : it->second;
  }

  int failures_left = 0;
  std::size_t batch_max = 1'000'000;  ///< a larger one is too much for the database
  bool loads_fail = false;
  int commits = 0;
  std::set<core::image_id> deleted_images;  ///< results for these are refused as not_found
  std::set<core::image_id> refused_images;  ///< results for these are refused as internal
  std::set<core::job_id> foreign_jobs;      ///< another server's by now: every write conflicts

 private:
  using unit_key = std::pair<core::job_id, core::image_id>;

  core::write_outcome apply(const core::create_job& c) {
    if (c.image_ids.empty())
      return core::make_error(core::error_code::no_valid_images, "No valid image IDs provided");
    core::job j;
    j.id = c.id;
    j.user = c.user;
    j.mode = c.mode;
    j.priority = c.priority;
    j.image_ids = c.image_ids;
    j.created_at = c.at;
    j.fencing_token = epoch_;
    auto inputs = std::make_shared<core::job_inputs>();
    std::vector<std::string> names;
    for (const auto image : c.image_ids) {
      names.push_back(core::to_string(image));
      (*inputs)[image] = core::job_input{{}, "blob", "sha"};
    }
    j.image_filenames = std::move(names);
    jobs_[c.id] = j;
    inputs_[c.id] = inputs;
    core::job_written w;
    w.record = j;
    w.inputs = inputs;
    w.max_concurrent_jobs = max_concurrent_jobs;
    w.queue_paused = paused;
    return w;
  }
  core::write_outcome apply(const core::start_job& c) {
    return change(c.user, c.job, core::job_status::running,
                  [&](core::job& j) { j.started_at = c.at; });
  }
  core::write_outcome apply(const core::cancel_job& c) {
    return change(c.user, c.job, core::job_status::cancelled,
                  [&](core::job& j) { j.completed_at = c.at; });
  }
  core::write_outcome apply(const core::set_job_priority& c) {
    const auto it = jobs_.find(c.job);
    if (it == jobs_.end() || it->second.user != c.user)
      return core::make_error(core::error_code::not_found, "Job not found");
    it->second.priority = c.priority;
    ++it->second.version;
    return written(it->second);
  }
  core::write_outcome apply(const core::set_queue_paused& c) {
    paused = c.paused;
    core::job_written w;
    w.queue_paused = paused;
    return w;
  }
  core::write_outcome apply(const core::record_result& c) {
    if (foreign_jobs.contains(c.job))
      return core::make_error(core::error_code::conflict, "Another server owns this job");
    if (refused_images.contains(c.result->image))
      return core::make_error(core::error_code::internal, "The row was refused");
    if (deleted_images.contains(c.result->image))
      return core::make_error(core::error_code::not_found, "Image was deleted");
    return end_unit(c.job, c.result->image, [&] {
      results_[{c.job, c.result->image}] = *c.result;
    });
  }
  core::write_outcome apply(const core::record_failure& c) {
    return end_unit(c.job, c.image, [&] {
      failures_[{c.job, c.image}] = c.reason;
      ++jobs_[c.job].failed_count;
    });
  }

  template <class F>
  core::write_outcome change(core::user_id user, core::job_id id, core::job_status to, F edit) {
    const auto it = jobs_.find(id);
    if (it == jobs_.end() || it->second.user != user)
      return core::make_error(core::error_code::not_found, "Job not found");
    if (!core::can_move(it->second.status, to))
      return core::make_error(core::error_code::conflict, "Job is over already");
    it->second.status = to;
    ++it->second.version;
    edit(it->second);
    return written(it->second);
  }
  template <class F>
  core::write_outcome end_unit(core::job_id id, core::image_id image, F insert) {
    auto& j = jobs_.at(id);
    if (!ended_.insert({id, image}).second) {
      auto w = written(j);
      w.duplicate = true;
      return w;
    }
    insert();
    ++j.current_index;
    ++j.version;
    if (j.status == core::job_status::running &&
        j.current_index == static_cast<std::int32_t>(j.image_ids.size()))
      j.status = core::final_status(j.current_index, j.failed_count);
    return written(j);
  }
  static core::job_written written(core::job j) {
    j.image_ids = {};
    j.image_filenames = {};
    core::job_written w;
    w.record = std::move(j);
    return w;
  }

 public:
  int max_concurrent_jobs = 1;
  bool paused = false;

 private:
  mutable std::mutex mutex_;
  std::int64_t epoch_ = 0;
  std::map<core::job_id, core::job> jobs_;
  std::map<core::job_id, std::shared_ptr<const core::job_inputs>> inputs_;
  std::set<unit_key> ended_;
  std::map<unit_key, core::processing_result> results_;
  std::map<unit_key, std::string> failures_;
};

/// Calls a function for each unit.
class scripted_runner : public core::unit_runner {
 public:
  using script =
      std::function<std::variant<core::unit_output, core::unit_failure>(const core::unit_request&)>;
  explicit scripted_runner(script s) : script_(std::move(s)) {}
  std::string identity() const override { return "scripted/1"; }
  std::variant<core::unit_output, core::unit_failure> run(const core::unit_request& u,
                                                          const core::cancel_token&) override {
    return script_(u);
  }

 private:
  script script_;
};

inline core::create_job make_job(int number, int images, core::user_id user, int priority = 0) {
  core::create_job c;
  c.id = numbered<core::job_id>(number);
  c.user = user;
  c.priority = priority;
  c.at = core::timestamp{std::chrono::microseconds{number}};
  for (int i = 0; i < images; ++i)
    c.image_ids.push_back(numbered<core::image_id>(number * 1000 + i));
  return c;
}

}  // namespace samovar::testing
