// Reading and deciding; the writes are in job_batch_writes.cpp.
#include "storage/job_batch.hpp"

#include "core/change_detection.hpp"
#include "core/limits.hpp"
#include "storage/job_batch_sql.hpp"
#include "storage/job_rows.hpp"
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

template <class Range>
std::vector<core::uuid> as_vector(const Range& ids) {
  return {ids.begin(), ids.end()};
}

}  // namespace

bool user_batch::add(std::size_t position, const core::write_command& command) {
  if (const auto* c = std::get_if<core::create_job>(&command)) {
    if (coverage_may_end_ && !c->force_all) return false;
    note_create(*c);
  } else if (const auto* r = std::get_if<core::record_result>(&command)) {
    note_record(r->job, r->result->image);
  } else if (const auto* f = std::get_if<core::record_failure>(&command)) {
    note_record(f->job, f->image);
    coverage_may_end_ = true;
  } else {
    std::visit(
        [&](const auto& c) {
          if constexpr (requires { c.job; }) job_ids_.insert(c.job.value);
        },
        command);
    if (std::holds_alternative<core::cancel_job>(command)) coverage_may_end_ = true;
  }
  commands_.emplace_back(position, &command);
  return true;
}

void user_batch::note_create(const core::create_job& c) {
  job_ids_.insert(c.id.value);
  if (c.idempotency_key) keys_.push_back(*c.idempotency_key);
  if (c.image_ids.size() > core::limits::images_per_job_max) return;
  for (const auto& id : c.image_ids) {
    create_images_.insert(id.value);
    if (!c.force_all) covering_wanted_.emplace(id.value, c.mode);
  }
}

void user_batch::note_record(core::job_id job, core::image_id image) {
  job_ids_.insert(job.value);
  record_images_.insert(image.value);
  pair_jobs_.push_back(job.value);
  pair_images_.push_back(image.value);
}

std::vector<std::string> user_batch::reads() {
  std::vector<std::string> sql;
  auto want = [&](read_kind kind, std::string text) {
    read_kinds_.push_back(kind);
    sql.push_back(std::move(text));
  };
  want(read_kind::user_set, set_user_text(user_));
  want(read_kind::jobs, execute_text(lock_jobs, user_, as_vector(job_ids_)));
  if (!keys_.empty()) want(read_kind::jobs, execute_text(lock_keyed_jobs, user_, keys_));
  std::set<core::uuid> images = create_images_;
  images.insert(record_images_.begin(), record_images_.end());
  if (!images.empty()) want(read_kind::images, execute_text(lock_images, user_, as_vector(images)));
  if (!pair_jobs_.empty())
    want(read_kind::ended, execute_text(read_ended, pair_jobs_, pair_images_));
  if (create_images_.empty()) return sql;
  const auto ids = as_vector(create_images_);
  want(read_kind::limits, execute_text(read_limits, user_));
  want(read_kind::boxes, execute_text(read_boxes, user_, ids));
  want(read_kind::points, execute_text(read_points, user_, ids));
  if (covering_wanted_.empty()) return sql;
  std::vector<core::uuid> covered_images;
  std::vector<std::string> modes;
  for (const auto& [image, mode] : covering_wanted_) {
    covered_images.push_back(image);
    modes.emplace_back(core::to_string(mode));
  }
  want(read_kind::covering, execute_text(read_covering, covered_images, modes));
  return sql;
}

void user_batch::take(const std::vector<pqxx::result>& results) {
  for (std::size_t i = 0; i < results.size(); ++i) {
    const auto& rows = results[i];
    switch (read_kinds_.at(i)) {
      case read_kind::user_set: break;
      case read_kind::jobs: take_jobs(rows); break;
      case read_kind::images: take_images(rows); break;
      case read_kind::boxes: take_prompts(rows, true); break;
      case read_kind::points: take_prompts(rows, false); break;
      case read_kind::covering: take_covering(rows); break;
      case read_kind::limits:
        if (rows.empty()) break;
        max_concurrent_jobs_ = rows[0][0].as<int>();
        share_weight_ = rows[0][1].as<double>();
        break;
      case read_kind::ended:
        for (const auto& row : rows)
          ended_.insert(
              {read_id<core::job_id>(row[0].c_str()), read_id<core::image_id>(row[1].c_str())});
        break;
    }
  }
}

void user_batch::take_jobs(const pqxx::result& rows) {
  for (const auto& row : rows) {
    job_entry e;
    e.record = read_job(row);
    e.version_read = e.record.version;
    if (!row[job_column_count].is_null()) e.key = row[job_column_count].c_str();
    if (!row[job_column_count + 1].is_null())
      e.request_hash = read_bytea(row[job_column_count + 1].c_str());
    if (e.key) by_key_[*e.key] = e.record.id;
    jobs_.emplace(e.record.id, std::move(e));
  }
}

void user_batch::take_images(const pqxx::result& rows) {
  for (const auto& row : rows) {
    image_row image;
    image.filename = row[1].c_str();
    image.input.blob_path = row[2].c_str();
    image.input.sha256 = row[3].c_str();
    if (!row[4].is_null()) image.input.prompts.text = row[4].c_str();
    images_.emplace(read_id<core::image_id>(row[0].c_str()), std::move(image));
  }
}

void user_batch::take_prompts(const pqxx::result& rows, bool boxes) {
  for (const auto& row : rows) {
    const auto at = images_.find(read_id<core::image_id>(row[0].c_str()));
    if (at == images_.end()) continue;
    auto& prompts = at->second.input.prompts;
    if (boxes)
      prompts.boxes.push_back(
          {read_id<core::annotation_id>(row[1].c_str()),
           {row[2].as<int>(), row[3].as<int>(), row[4].as<int>(), row[5].as<int>()},
           core::parse_prompt_type(row[6].c_str()).value()});
    else
      prompts.points.push_back({read_id<core::point_id>(row[1].c_str()),
                                {row[2].as<int>(), row[3].as<int>()},
                                row[4].as<bool>()});
  }
}

void user_batch::take_covering(const pqxx::result& rows) {
  for (const auto& row : rows) {
    core::image_prompts then;
    if (!row[2].is_null()) then = read_prompts(row[2].c_str());
    covering_[{read_uuid(row[0].c_str()), core::parse_segmentation_mode(row[1].c_str()).value()}] =
        std::move(then);
  }
}

void user_batch::decide(std::vector<core::write_outcome>& outcomes) {
  for (const auto& [position, command] : commands_)
    outcomes[position] =
        std::visit([&, p = position](const auto& c) { return run(p, c); }, *command);
}

core::job_written user_batch::written(const core::job& j) const {
  core::job_written w;
  w.record = j;
  w.max_concurrent_jobs = max_concurrent_jobs_;
  w.share_weight = share_weight_;
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
  e.snapshot = "{";
  for (const auto& id : chosen) {
    const auto& image = images_.at(id);
    e.record.image_filenames.push_back(image.filename);
    if (e.snapshot.size() > 1) e.snapshot += ',';
    e.snapshot += '"' + core::to_string(id) + "\":";
    append_prompts(e.snapshot, image.input.prompts);
    // From now on this job is the newest that covers the image.
    covering_[{id.value, c.mode}] = image.input.prompts;
    inputs->emplace(id, image.input);
  }
  e.snapshot += '}';
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
  if (ended_.contains(key)) {
    auto w = changed(j);
    w.duplicate = true;
    return w;
  }
  if (!images_.contains(key.image))
    return core::make_error(core::error_code::not_found, "Image was deleted");
  if (std::find(j.image_ids.begin(), j.image_ids.end(), key.image) == j.image_ids.end())
    return core::make_error(core::error_code::not_found, "The job has no such image");
  ended_.insert(key);
  new_results_.push_back(&c);
  j.current_index = std::min<std::int32_t>(j.current_index + 1, std::ssize(j.image_ids));
  ++j.version;
  finish_if_last(j, c.result->processed_at, "");
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
  if (std::find(j.image_ids.begin(), j.image_ids.end(), key.image) == j.image_ids.end())
    return core::make_error(core::error_code::not_found, "The job has no such image");
  ended_.insert(key);
  new_failures_.push_back(&c);
  j.current_index = std::min<std::int32_t>(j.current_index + 1, std::ssize(j.image_ids));
  j.failed_count = std::min(j.failed_count + 1, j.current_index);
  ++j.version;
  finish_if_last(j, c.at, c.reason);
  return changed(j);
}

void user_batch::finish_if_last(core::job& j, core::timestamp at, const std::string& last_reason) {
  const auto count = static_cast<std::int32_t>(j.image_ids.size());
  // A cancelled job keeps its status; results of its running images are kept and counted.
  if (core::is_terminal(j.status) || j.current_index < count) return;
  j.status = core::final_status(count, j.failed_count);
  j.completed_at = at;
  if (!j.started_at) j.started_at = at;
  if (j.status == core::job_status::failed)
    j.error = count == 1 ? last_reason : "None of the images could be processed: " + last_reason;
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
