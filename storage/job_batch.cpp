// Deciding; the reads are in job_batch_reads.cpp, the writes in job_batch_writes.cpp.
#include "storage/job_batch.hpp"

#include <algorithm>

#include "core/change_detection.hpp"
#include "core/limits.hpp"
#include "storage/row_json.hpp"

namespace samovar::storage {

namespace {

core::error job_not_found() {
  return core::make_error(core::error_code::not_found, "Job not found");
}

core::error already(const core::job& j) {
  return core::make_error(core::error_code::conflict,
                          "Job is already " + std::string{core::to_string(j.status)});
}

}  // namespace

void user_batch::decide(std::vector<core::write_outcome>& outcomes) {
  for (const auto& [position, command] : commands_)
    outcomes[position] =
        std::visit([&, p = position](const auto& c) { return run(p, c); }, *command);
  for (const auto& [id, e] : jobs_)
    if (core::is_terminal(e.record.status)) cache_.drop(id);
}

core::job_written user_batch::written(const core::job& j) const {
  core::job_written w;
  w.record = j;
  w.max_concurrent_jobs = max_concurrent_jobs_;
  w.share_weight = share_weight_;
  w.queue_paused = queue_paused_;
  return w;
}

// Everything but the lists, which can be long and never change.
core::job_written user_batch::changed(const core::job& j) const {
  core::job_written w;
  auto& r = w.record;
  r.id = j.id;
  r.user = j.user;
  r.mode = j.mode;
  r.status = j.status;
  r.priority = j.priority;
  r.current_index = j.current_index;
  r.failed_count = j.failed_count;
  r.error = j.error;
  r.version = j.version;
  r.fencing_token = j.fencing_token;
  r.created_at = j.created_at;
  r.started_at = j.started_at;
  r.completed_at = j.completed_at;
  return w;
}

core::write_outcome user_batch::run(std::size_t position, const core::create_job& c) {
  auto stored = [&](const job_entry& e, bool existed) {
    auto w = written(e.record);
    w.existed = existed;
    w.inputs = e.inputs;
    if (!e.inputs) inputs_wanted_[position] = e.record.id;
    return w;
  };
  // The same command again, after a commit in doubt: it counts as this command's own work.
  if (auto at = jobs_.find(c.id); at != jobs_.end()) return stored(at->second, false);
  if (c.idempotency_key) {
    if (auto at = by_key_.find(*c.idempotency_key); at != by_key_.end()) {
      const auto& e = jobs_.at(at->second);
      if (e.request_hash == c.request_hash) return stored(e, true);
      return core::make_error(core::error_code::idempotency_mismatch,
                              "This Idempotency-Key was used with another request",
                              "Idempotency-Key");
    }
  }
  auto chosen = choose_images(c);
  if (!chosen) return chosen.failure();
  return insert(c, std::move(*chosen));
}

core::outcome<std::vector<core::image_id>> user_batch::choose_images(
    const core::create_job& c) const {
  if (c.image_ids.size() > core::limits::images_per_job_max)
    return core::make_error(
        core::error_code::validation_failed,
        "A job can have at most " + std::to_string(core::limits::images_per_job_max) + " images",
        "image_ids");
  std::vector<core::image_id> chosen;
  std::set<core::image_id> seen;
  bool any_known = false;
  for (const auto& id : c.image_ids) {
    const auto image = images_.find(id);
    if (image == images_.end() || !seen.insert(id).second) continue;
    any_known = true;
    std::optional<core::image_prompts> covering;
    if (auto at = covering_.find({id.value, c.mode}); at != covering_.end()) covering = at->second;
    if (core::needs_processing(image->second.input.prompts, covering, c.mode, c.force_all))
      chosen.push_back(id);
  }
  if (!any_known)
    return core::make_error(core::error_code::no_valid_images, "No valid image IDs provided");
  if (chosen.empty())
    return core::make_error(core::error_code::nothing_to_process, "No images need processing");
  return chosen;
}

core::write_outcome user_batch::insert(const core::create_job& c,
                                       std::vector<core::image_id> chosen) {
  job_entry e;
  e.record.id = c.id;
  e.record.user = user_;
  e.record.mode = c.mode;
  e.record.priority = c.priority;
  e.record.fencing_token = epoch_;
  e.record.created_at = c.at;
  e.key = c.idempotency_key;
  e.request_hash = c.request_hash;
  auto inputs = std::make_shared<core::job_inputs>();
  std::vector<std::string> names;
  names.reserve(chosen.size());
  e.snapshot = "{";
  for (const auto& id : chosen) {
    const auto& image = images_.at(id);
    names.push_back(image.filename);
    if (e.snapshot.size() > 1) e.snapshot += ',';
    e.snapshot += '"' + core::to_string(id) + "\":";
    append_prompts(e.snapshot, image.input.prompts);
    // From now on this job is the newest that covers the image.
    covering_[{id.value, c.mode}] = image.input.prompts;
    inputs->emplace(id, image.input);
  }
  e.snapshot += '}';
  e.members = sorted_members(chosen);
  e.record.image_filenames = std::move(names);
  e.record.image_ids = std::move(chosen);
  e.inputs = inputs;
  auto w = written(e.record);
  w.inputs = std::move(inputs);
  if (e.key) by_key_[*e.key] = c.id;
  jobs_.emplace(c.id, std::move(e));
  return w;
}

core::outcome<user_batch::job_entry*> user_batch::own_job(core::job_id id) {
  const auto at = jobs_.find(id);
  if (at == jobs_.end()) return job_not_found();
  if (at->second.record.fencing_token != epoch_)
    return core::make_error(core::error_code::conflict, "Another server looks after this job");
  return &at->second;
}

core::write_outcome user_batch::run(std::size_t, const core::start_job& c) {
  auto found = own_job(c.job);
  if (!found) return found.failure();
  auto& j = (*found)->record;
  if (core::is_terminal(j.status)) return already(j);
  if (j.status == core::job_status::queued) {
    j.status = core::job_status::running;
    j.started_at = c.at;
    ++j.version;
  }
  return changed(j);
}

core::write_outcome user_batch::run(std::size_t, const core::record_result& c) {
  auto found = own_job(c.job);
  if (!found) return found.failure();
  auto& j = (*found)->record;
  const ended_image key{c.job, c.result->image};
  if (const auto at = ended_.find(key); at != ended_.end()) {
    auto w = changed(j);
    // Given again after a commit in doubt, it is this very row that is there: not a duplicate.
    w.duplicate = at->second != c.result->id;
    return w;
  }
  if (given_before_ && !present_.contains(key.image.value))
    return core::make_error(core::error_code::not_found, "Image was deleted");
  if (!has_member(**found, key.image))
    return core::make_error(core::error_code::not_found, "The job has no such image");
  ended_.emplace(key, c.result->id);
  new_results_.push_back(&c);
  count_image(**found, false, c.result->processed_at, "");
  return changed(j);
}

core::write_outcome user_batch::run(std::size_t, const core::record_failure& c) {
  auto found = own_job(c.job);
  if (!found) return found.failure();
  auto& j = (*found)->record;
  const ended_image key{c.job, c.image};
  if (ended_.contains(key)) {
    auto w = changed(j);
    w.duplicate = true;
    return w;
  }
  if (!has_member(**found, key.image))
    return core::make_error(core::error_code::not_found, "The job has no such image");
  ended_.emplace(key, core::result_id{});
  new_failures_.push_back(&c);
  count_image(**found, true, c.at, c.reason);
  return changed(j);
}

bool user_batch::has_member(const job_entry& e, core::image_id image) {
  return std::binary_search(e.members->begin(), e.members->end(), image);
}

// One more image has ended; the last one ends the job.
void user_batch::count_image(job_entry& e, bool failed, core::timestamp at,
                             const std::string& reason) {
  auto& j = e.record;
  const auto count = static_cast<std::int32_t>(e.members->size());
  j.current_index = std::min(j.current_index + 1, count);
  if (failed) j.failed_count = std::min(j.failed_count + 1, j.current_index);
  ++j.version;
  // A cancelled job keeps its status; results of its running images are kept and counted.
  if (core::is_terminal(j.status) || j.current_index < count) return;
  j.status = core::final_status(count, j.failed_count);
  j.completed_at = at;
  if (!j.started_at) j.started_at = at;
  if (j.status == core::job_status::failed)
    j.error = count == 1 ? reason : "None of the images could be processed: " + reason;
}

core::write_outcome user_batch::run(std::size_t, const core::cancel_job& c) {
  auto found = own_job(c.job);
  if (!found) return found.failure();
  auto& j = (*found)->record;
  if (j.status == core::job_status::cancelled) return changed(j);
  if (core::is_terminal(j.status)) return already(j);
  j.status = core::job_status::cancelled;
  j.completed_at = c.at;
  ++j.version;
  return changed(j);
}

core::write_outcome user_batch::run(std::size_t, const core::set_queue_paused& c) {
  queue_paused_ = c.paused;
  return written({});
}

core::write_outcome user_batch::run(std::size_t, const core::set_job_priority& c) {
  auto found = own_job(c.job);
  if (!found) return found.failure();
  auto& j = (*found)->record;
  if (j.priority == c.priority) return changed(j);
  if (core::is_terminal(j.status)) return already(j);
  j.priority = c.priority;
  ++j.version;
  return changed(j);
}

}  // namespace samovar::storage
