#include "storage/job_batch.hpp"
#include "storage/job_batch_sql.hpp"
#include "storage/row_json.hpp"

namespace samovar::storage {

namespace {

// Builds the text of one array parameter, element by element.
class array_text {
 public:
  void add(std::string_view text) {
    separate();
    append_array_element(body_, text);
  }
  void add(const std::string& text) { add(std::string_view{text}); }
  void add(const std::optional<std::string>& text) {
    if (text)
      add(std::string_view{*text});
    else
      add_null();
  }
  template <class Tag>
  void add(const core::strong_id<Tag>& id) {
    separate();
    body_ += core::to_string(id);
  }
  void add(std::int64_t v) {
    separate();
    body_ += std::to_string(v);
  }
  void add(std::int32_t v) { add(std::int64_t{v}); }
  void add(double v) {
    separate();
    append_literal(body_, v);
  }
  void add(core::timestamp at) { add(std::string_view{core::to_rfc3339(at)}); }
  void add(const std::optional<core::timestamp>& at) {
    if (at)
      add(*at);
    else
      add_null();
  }
  void add_null() {
    separate();
    body_ += "NULL";
  }
  std::string text() const { return "{" + body_ + "}"; }

 private:
  void separate() {
    if (!body_.empty()) body_ += ',';
  }
  std::string body_;
};

std::string hex_of(std::string_view data) {
  std::string quoted;
  append_literal(quoted, bytes{data});
  return quoted.substr(1, quoted.size() - 2);
}

}  // namespace

std::span<const statement> batch_statements() {
  static constexpr statement all[] = {
      lock_jobs,    lock_keyed_jobs, read_for_jobs,   lock_images,
      read_limits,  read_covering,   read_ended,      read_snapshot_statement,
      insert_jobs,  insert_results,  insert_failures, update_jobs,
      update_paused};
  return all;
}

std::vector<std::string> user_batch::writes(bool user_is_set) const {
  std::vector<std::string> sql;
  auto want = [&](std::string text) {
    if (text.empty()) return;
    if (sql.empty() && !user_is_set) sql.push_back(set_user_text(user_));
    sql.push_back(std::move(text));
  };
  want(insert_jobs_text());
  want(insert_results_text());
  want(insert_failures_text());
  want(update_jobs_text());
  if (pause_asked_) want(execute_text(update_paused, user_, queue_paused_));
  return sql;
}

std::string user_batch::insert_jobs_text() const {
  array_text id, mode, status, priority, images, names, index, failed, snapshot, error, key, hash,
      version, created, started, completed;
  bool any = false;
  for (const auto& [job, e] : jobs_) {
    if (e.version_read != 0) continue;
    any = true;
    const auto& j = e.record;
    array_text job_images, job_names;
    for (const auto& i : j.image_ids) job_images.add(i);
    for (const auto& n : j.image_filenames) job_names.add(n);
    id.add(job);
    mode.add(core::to_string(j.mode));
    status.add(core::to_string(j.status));
    priority.add(j.priority);
    images.add(job_images.text());
    names.add(job_names.text());
    index.add(j.current_index);
    failed.add(j.failed_count);
    snapshot.add(e.snapshot);
    error.add(j.error);
    key.add(e.key);
    hash.add(hex_of(e.request_hash));
    version.add(j.version);
    created.add(j.created_at);
    started.add(j.started_at);
    completed.add(j.completed_at);
  }
  if (!any) return {};
  return execute_text(insert_jobs, user_, epoch_, id.text(), mode.text(), status.text(),
                      priority.text(), images.text(), names.text(), index.text(), failed.text(),
                      snapshot.text(), error.text(), key.text(), hash.text(), version.text(),
                      created.text(), started.text(), completed.text());
}

std::string user_batch::insert_results_text() const {
  if (new_results_.empty()) return {};
  array_text id, job, image, mode, detections, bboxes, scores, mask, coco, model, device_ms, at;
  for (const auto* c : new_results_) {
    const auto& r = *c->result;
    id.add(r.id);
    job.add(c->job);
    image.add(r.image);
    mode.add(core::to_string(r.mode));
    detections.add(detections_text(r.detections));
    if (r.mode == core::segmentation_mode::find_all)
      bboxes.add(bboxes_text(r.detections));
    else
      bboxes.add_null();
    array_text score;
    for (const auto& d : r.detections) score.add(d.score);
    scores.add(score.text());
    mask.add(r.mask_blob_path);
    coco.add(r.coco_json_blob_path);
    model.add(r.model);
    device_ms.add(r.device_ms);
    at.add(r.processed_at);
  }
  return execute_text(insert_results, user_, id.text(), job.text(), image.text(), mode.text(),
                      detections.text(), bboxes.text(), scores.text(), mask.text(), coco.text(),
                      model.text(), device_ms.text(), at.text());
}

std::string user_batch::insert_failures_text() const {
  if (new_failures_.empty()) return {};
  array_text job, image, attempts, error, at;
  for (const auto* c : new_failures_) {
    job.add(c->job);
    image.add(c->image);
    attempts.add(c->attempts);
    error.add(c->reason);
    at.add(c->at);
  }
  return execute_text(insert_failures, user_, job.text(), image.text(), attempts.text(),
                      error.text(), at.text());
}

std::string user_batch::update_jobs_text() const {
  array_text id, status, priority, index, failed, error, version_read, version, started, completed;
  bool any = false;
  for (const auto& [job, e] : jobs_) {
    if (e.version_read == 0 || e.version_read == e.record.version) continue;
    any = true;
    const auto& j = e.record;
    id.add(job);
    status.add(core::to_string(j.status));
    priority.add(j.priority);
    index.add(j.current_index);
    failed.add(j.failed_count);
    error.add(j.error);
    version_read.add(e.version_read);
    version.add(j.version);
    started.add(j.started_at);
    completed.add(j.completed_at);
  }
  if (!any) return {};
  return execute_text(update_jobs, user_, epoch_, id.text(), status.text(), priority.text(),
                      index.text(), failed.text(), error.text(), version_read.text(),
                      version.text(), started.text(), completed.text());
}

}  // namespace samovar::storage
