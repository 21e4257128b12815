#include "tests/sim/store.hpp"

#include <algorithm>

namespace samovar::sim {

namespace {

core::job_written written(core::job j) {
  j.image_ids = {};
  j.image_filenames = {};
  core::job_written w;
  w.record = std::move(j);
  return w;
}

}  // namespace

const core::job* store::find(core::job_id id) const {
  const auto it = jobs_.find(id);
  return it == jobs_.end() ? nullptr : &it->second;
}

int store::running_jobs(core::user_id user) const {
  const auto it = running_.find(user);
  return it == running_.end() ? 0 : it->second;
}

void store::move_to(core::job& j, core::job_status to) {
  if (j.status == core::job_status::running) --running_[j.user];
  if (to == core::job_status::running) ++running_[j.user];
  if (core::is_terminal(to)) open_.erase(j.id);
  j.status = to;
}

core::write_outcome store::apply(const core::write_command& c, std::int64_t epoch) {
  return std::visit([&](const auto& command) { return apply(command, epoch); }, c);
}

core::outcome<core::job*> store::owned(core::user_id user, core::job_id id, std::int64_t epoch) {
  const auto it = jobs_.find(id);
  if (it == jobs_.end() || it->second.user != user)
    return core::make_error(core::error_code::not_found, "Job not found");
  if (it->second.fencing_token != epoch)
    return core::make_error(core::error_code::conflict, "Another server owns this job");
  return &it->second;
}

core::write_outcome store::apply(const core::create_job& c, std::int64_t epoch) {
  if (epoch != epoch_)  // a dead server's connections are ended before the next one recovers
    throw core::store_unavailable("this server is not the newest");
  const auto known = jobs_.find(c.id);
  if (known == jobs_.end()) {
    core::job j;
    j.id = c.id;
    j.user = c.user;
    j.mode = c.mode;
    j.priority = c.priority;
    j.image_ids = c.image_ids;
    j.created_at = c.at;
    j.fencing_token = epoch;
    auto inputs = std::make_shared<core::job_inputs>();
    std::vector<std::string> names;
    for (const auto image : c.image_ids) {
      names.push_back(core::to_string(image));
      (*inputs)[image] = core::job_input{{}, "blob", "sha"};
    }
    j.image_filenames = std::move(names);
    jobs_[c.id] = std::move(j);
    inputs_[c.id] = std::move(inputs);
    open_.insert(c.id);
  }
  core::job_written w;  // given again after a commit in doubt: the same answer
  w.record = jobs_.at(c.id);
  w.inputs = inputs_.at(c.id);
  w.max_concurrent_jobs = max_concurrent_jobs.at(c.user);
  w.queue_paused = paused[c.user];
  return w;
}

core::write_outcome store::apply(const core::start_job& c, std::int64_t epoch) {
  auto j = owned(c.user, c.job, epoch);
  if (!j.ok()) return j.failure();
  auto& job = **j;
  if (job.status == core::job_status::running) return written(job);
  if (!core::can_move(job.status, core::job_status::running))
    return core::make_error(core::error_code::conflict, "Job is over already");
  move_to(job, core::job_status::running);
  job.started_at = c.at;
  ++job.version;
  return written(job);
}

core::write_outcome store::apply(const core::cancel_job& c, std::int64_t epoch) {
  auto j = owned(c.user, c.job, epoch);
  if (!j.ok()) return j.failure();
  auto& job = **j;
  if (job.status == core::job_status::cancelled) return written(job);
  if (!core::can_move(job.status, core::job_status::cancelled))
    return core::make_error(core::error_code::conflict, "Job is over already");
  move_to(job, core::job_status::cancelled);
  job.completed_at = c.at;
  ++job.version;
  return written(job);
}

core::write_outcome store::apply(const core::set_job_priority& c, std::int64_t epoch) {
  auto j = owned(c.user, c.job, epoch);
  if (!j.ok()) return j.failure();
  auto& job = **j;
  if (core::is_terminal(job.status))
    return core::make_error(core::error_code::conflict, "Job is over already");
  job.priority = c.priority;
  ++job.version;
  return written(job);
}

core::write_outcome store::apply(const core::set_queue_paused& c, std::int64_t epoch) {
  if (epoch != epoch_) throw core::store_unavailable("this server is not the newest");
  paused[c.user] = c.paused;
  core::job_written w;
  w.queue_paused = c.paused;
  return w;
}

core::write_outcome store::apply(const core::record_result& c, std::int64_t epoch) {
  auto j = owned(c.user, c.job, epoch);
  if (!j.ok()) return j.failure();
  if (refused_images.contains(c.result->image))
    return core::make_error(core::error_code::internal, "The row was refused");
  if (deleted_images.contains(c.result->image) && !units_.contains({c.job, c.result->image}))
    return core::make_error(core::error_code::not_found, "Image was deleted");
  return end_unit(**j, c.result->image, {c.result->id, {}});
}

core::write_outcome store::apply(const core::record_failure& c, std::int64_t epoch) {
  auto j = owned(c.user, c.job, epoch);
  if (!j.ok()) return j.failure();
  return end_unit(**j, c.image, {std::nullopt, c.reason});
}

core::write_outcome store::end_unit(core::job& j, core::image_id image, stored_unit u) {
  const auto [at, fresh] = units_.emplace(unit_key{j.id, image}, u);
  if (!fresh) {
    auto w = written(j);
    w.duplicate = !u.result || at->second.result != u.result;
    return w;
  }
  if (!u.result) ++j.failed_count;
  ++j.current_index;
  ++j.version;
  if (j.status == core::job_status::running &&
      j.current_index == static_cast<std::int32_t>(j.image_ids.size()))
    move_to(j, core::final_status(j.current_index, j.failed_count));
  return written(j);
}

std::vector<core::open_job> store::take_open_jobs(std::optional<core::user_id> user,
                                                  std::int64_t epoch) {
  std::vector<core::open_job> out;
  for (const auto id : open_) {
    auto& j = jobs_.at(id);
    if ((user && j.user != *user) || j.fencing_token > epoch) continue;
    j.fencing_token = epoch;
    core::open_job open{j, inputs_.at(id), {}, max_concurrent_jobs.at(j.user), 1.0, paused[j.user]};
    for (const auto image : j.image_ids)
      if (units_.contains({id, image})) open.ended.push_back(image);
    out.push_back(std::move(open));
  }
  return out;
}

std::vector<core::write_outcome> connection::commit(std::span<const core::write_command> commands) {
  if (cut || chance(lost_before)) throw core::store_unavailable("the commit never came through");
  std::vector<core::write_outcome> out;
  for (const auto& c : commands) out.push_back(store_.apply(c, epoch_));
  if (chance(lost_in_doubt)) {
    ++in_doubt;
    throw core::store_unavailable("the answer of the commit was lost");
  }
  return out;
}

std::vector<core::open_job> connection::take_open_jobs(std::optional<core::user_id> user) {
  if (cut || chance(lost_before)) throw core::store_unavailable("the read never came through");
  return store_.take_open_jobs(user, epoch_);
}

}  // namespace samovar::sim
