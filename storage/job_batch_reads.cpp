#include <algorithm>

#include "core/limits.hpp"
#include "storage/job_batch.hpp"
#include "storage/job_batch_sql.hpp"
#include "storage/job_rows.hpp"
#include "storage/row_json.hpp"

namespace samovar::storage {

namespace {

template <class Range>
std::vector<core::uuid> as_vector(const Range& ids) {
  return {ids.begin(), ids.end()};
}

}  // namespace

std::shared_ptr<const job_members> sorted_members(job_members ids) {
  std::sort(ids.begin(), ids.end());
  return std::make_shared<const job_members>(std::move(ids));
}

std::shared_ptr<const job_members> member_cache::find(core::job_id id) const {
  const auto at = known_.find(id);
  return at == known_.end() ? nullptr : at->second;
}

void member_cache::put(core::job_id id, std::shared_ptr<const job_members> members) {
  if (ids_ + members->size() > ids_max) {
    known_.clear();
    ids_ = 0;
  }
  const auto size = members->size();
  if (known_.emplace(id, std::move(members)).second) ids_ += size;
}

void member_cache::drop(core::job_id id) {
  const auto at = known_.find(id);
  if (at == known_.end()) return;
  ids_ -= at->second->size();
  known_.erase(at);
}

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
    if (std::holds_alternative<core::set_queue_paused>(command)) pause_asked_ = true;
  }
  commands_.emplace_back(position, &command);
  return true;
}

void user_batch::note_create(const core::create_job& c) {
  if (given_before_) job_ids_.insert(c.id.value);
  create_ids_.insert(c.id.value);
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
  if (!given_before_) return;
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
  std::vector<core::uuid> known;
  for (const auto& id : job_ids_) {
    if (create_ids_.contains(id)) continue;
    if (auto members = cache_.find({id})) {
      known.push_back(id);
      members_known_.emplace(core::job_id{id}, std::move(members));
    }
  }
  if (!job_ids_.empty())
    want(read_kind::jobs, execute_text(lock_jobs, user_, as_vector(job_ids_), known));
  if (!keys_.empty()) want(read_kind::jobs, execute_text(lock_keyed_jobs, user_, keys_));
  if (given_before_ && !record_images_.empty())
    want(read_kind::images, execute_text(lock_images, user_, as_vector(record_images_)));
  if (!pair_jobs_.empty())
    want(read_kind::ended, execute_text(read_ended, pair_jobs_, pair_images_));
  if (pause_asked_ || (given_before_ && !create_ids_.empty()))
    want(read_kind::limits, execute_text(read_limits, user_));
  if (create_images_.empty()) return sql;
  want(read_kind::for_jobs, execute_text(read_for_jobs, user_, as_vector(create_images_)));
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
      case read_kind::images:
        for (const auto& row : rows) present_.insert(read_uuid(row[0].c_str()));
        break;
      case read_kind::for_jobs: take_for_jobs(rows); break;
      case read_kind::covering: take_covering(rows); break;
      case read_kind::limits:
        if (!rows.empty()) take_limits(rows[0], 0);
        break;
      case read_kind::ended:
        for (const auto& row : rows) {
          const ended_image key{read_id<core::job_id>(row[0].c_str()),
                                read_id<core::image_id>(row[1].c_str())};
          ended_.emplace(
              key, row[2].is_null() ? core::result_id{} : read_id<core::result_id>(row[2].c_str()));
        }
        break;
    }
  }
}

void user_batch::take_jobs(const pqxx::result& rows) {
  for (const auto& row : rows) {
    job_entry e;
    e.record = read_job(row);
    e.version_read = e.record.version;
    if (const auto known = members_known_.find(e.record.id); known != members_known_.end())
      e.members = known->second;
    else
      e.members = cache_.find(e.record.id);
    if (!e.members) {
      e.members = sorted_members(e.record.image_ids);
      if (!core::is_terminal(e.record.status)) cache_.put(e.record.id, e.members);
    }
    if (!row[job_column_count].is_null()) e.key = row[job_column_count].c_str();
    if (!row[job_column_count + 1].is_null())
      e.request_hash = read_bytea(row[job_column_count + 1].c_str());
    if (e.key) by_key_[*e.key] = e.record.id;
    const auto [at, fresh] = jobs_.try_emplace(e.record.id);
    if (fresh) {
      at->second = std::move(e);
    } else if (at->second.record.image_ids.empty()) {
      // Found by its key too, and a create_job answers with the lists.
      at->second.record.image_ids = std::move(e.record.image_ids);
      at->second.record.image_filenames = std::move(e.record.image_filenames);
    }
  }
}

void user_batch::take_limits(const pqxx::row& row, int at) {
  max_concurrent_jobs_ = row[at].as<int>();
  share_weight_ = row[at + 1].as<double>();
  queue_paused_ = row[at + 2].as<bool>();
}

// Of each image first itself, then its prompts.
void user_batch::take_for_jobs(const pqxx::result& rows) {
  for (const auto& row : rows) {
    const std::string_view kind = row[0].c_str();
    if (kind == "limits") {
      take_limits(row, 2);
      continue;
    }
    const auto id = read_id<core::image_id>(row[1].c_str());
    if (kind == "image") {
      image_row image;
      image.filename = row[2].c_str();
      image.input.blob_path = row[3].c_str();
      image.input.sha256 = row[4].c_str();
      if (!row[5].is_null()) image.input.prompts.text = row[5].c_str();
      images_.emplace(id, std::move(image));
      continue;
    }
    const auto at = images_.find(id);
    if (at == images_.end()) continue;
    auto& prompts = at->second.input.prompts;
    if (kind == "box")
      prompts.boxes.push_back(
          {read_id<core::annotation_id>(row[2].c_str()),
           {row[3].as<int>(), row[4].as<int>(), row[5].as<int>(), row[6].as<int>()},
           core::parse_prompt_type(row[7].c_str()).value()});
    else
      prompts.points.push_back({read_id<core::point_id>(row[2].c_str()),
                                {row[3].as<int>(), row[4].as<int>()},
                                row[5].as<bool>()});
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

}  // namespace samovar::storage
