#include "storage/import_target.hpp"

#include <algorithm>

#include "storage/row_json.hpp"

namespace samovar::storage {

namespace {

constexpr statement image_statement{
    "import_image",
    "select import_image($1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::bigint, $7::text, "
    "$8::integer, $9::integer, $10::text, $11::timestamptz)"};
constexpr statement box_statement{
    "import_box",
    "insert into bbox_annotations (id, image_id, user_id, bbox_x, bbox_y, bbox_width, "
    "bbox_height, prompt_type, created_at) values ($1::uuid, $2::uuid, $3::uuid, $4::integer, "
    "$5::integer, $6::integer, $7::integer, $8::text, $9::timestamptz) on conflict (id) do "
    "nothing"};
constexpr statement point_statement{
    "import_point",
    "insert into point_annotations (id, image_id, user_id, point_x, point_y, is_positive, "
    "created_at) values ($1::uuid, $2::uuid, $3::uuid, $4::integer, $5::integer, $6::boolean, "
    "$7::timestamptz) on conflict (id) do nothing"};
constexpr statement job_statement{
    "import_job",
    "select definer_import_job($1::uuid, $2::text, $3::text, $4::uuid[], $5::text[], $6::integer, "
    "$7::integer, $8::jsonb, $9::text, $10::timestamptz, $11::timestamptz, $12::timestamptz)"};
constexpr statement failures_statement{
    "import_failures",
    "insert into job_image_failures (job_id, image_id, user_id, error, failed_at) "
    "select $1::uuid, f, $2::uuid, $3::text, $4::timestamptz from unnest($5::uuid[]) f "
    "where exists (select from processing_jobs where id = $1 and user_id = $2) "
    "on conflict (job_id, image_id) do nothing"};
constexpr statement result_statement{
    "import_result",
    "insert into processing_results (id, job_id, image_id, user_id, mode, detections, bboxes, "
    "scores, mask_blob_path, coco_json_blob_path, model, processed_at) values ($1::uuid, "
    "$2::uuid, $3::uuid, $4::uuid, $5::text, $6::jsonb, $7::jsonb, $8::double precision[], "
    "$9::text, $10::text, $11::text, $12::timestamptz) on conflict do nothing"};
constexpr statement skip_statement{
    "import_skip",
    "insert into import_skips (user_id, source, kind, row_id, reason) values ($1::uuid, $2::text, "
    "$3::text, $4::uuid, $5::text) on conflict (user_id, source, kind, row_id) do update set "
    "reason = excluded.reason"};
constexpr statement unskip_statement{
    "import_unskip",
    "delete from import_skips where user_id = $1::uuid and source = $2::text and kind = $3::text "
    "and row_id = $4::uuid"};
constexpr statement begin_statement{"import_begin",
                                    "insert into imports (user_id, source) values ($1::uuid, "
                                    "$2::text) on conflict (user_id, source) do nothing"};
constexpr statement phase_statement{
    "import_phase",
    "update imports set phase = $3::text, finished_at = case when $3 = 'done' then now() end "
    "where user_id = $1::uuid and source = $2::text"};
constexpr statement state_statement{"import_state",
                                    "select phase, finished_at from imports where user_id = "
                                    "$1::uuid and source = $2::text"};
constexpr statement skips_statement{"import_skips_read",
                                    "select kind, row_id from import_skips where user_id = "
                                    "$1::uuid and source = $2::text"};
constexpr statement stored_images_statement{
    "import_stored_images",
    "select id, blob_path, sha256, byte_size from images where id = any ($1::uuid[]) and user_id "
    "= $2::uuid"};
constexpr statement stored_results_statement{
    "import_stored_results",
    "select id, detections from processing_results where id = any ($1::uuid[]) and user_id = "
    "$2::uuid"};
constexpr statement owners_statement{"import_owners",
                                     "select id from definer_known_blob_owners($1::uuid[])"};
constexpr statement usage_statement{
    "import_usage",
    "select u.image_count, u.storage_bytes, count(i.id), coalesce(sum(i.byte_size), 0), "
    "u.max_images, u.max_storage_mb * 1048576 from users u left join images i on i.user_id = u.id "
    "where u.id = $1::uuid group by u.id"};

constexpr const char* phases[] = {"images", "boxes", "points", "jobs", "results", "verify", "done"};

std::size_t place_of(const std::string& phase) {
  return static_cast<std::size_t>(std::find(std::begin(phases), std::end(phases), phase) -
                                  std::begin(phases));
}

const char* table_of(import_kind kind) {
  switch (kind) {
    case import_kind::images: return "images";
    case import_kind::boxes: return "bbox_annotations";
    case import_kind::points: return "point_annotations";
    case import_kind::jobs: return "processing_jobs";
    case import_kind::results: return "processing_results";
  }
  return "";
}

// "… from <table of kind> where id = any (ids) and user_id = user", as the user.
std::string select_text(const std::string& columns, import_kind kind,
                        const std::vector<core::uuid>& ids, core::user_id user) {
  std::string sql =
      set_user_text(user) + ";select " + columns + " from " + table_of(kind) + " where id = any (";
  append_literal(sql, ids);
  sql += "::uuid[]) and user_id = ";
  append_literal(sql, user);
  return sql;
}

}  // namespace

bool import_state::past(import_kind kind) const {
  return place_of(phase) > static_cast<std::size_t>(kind);
}

import_target::import_target(const std::string& app_conninfo, core::user_id user,
                             std::string source, bool dry_run)
    : connection_(app_conninfo, nullptr, long_statement_max),
      user_(user),
      source_(std::move(source)),
      dry_run_(dry_run) {
  std::string key = "import of ";
  key += core::to_string(user);
  std::string lock = "select pg_try_advisory_lock(hashtextextended(";
  append_literal(lock, key);
  if (!connection_.exec(lock + ", 0))")[0][0].as<bool>())
    throw import_error("another import for this user is running");
  if (!dry_run_) connection_.as_user(user_, begin_statement, user_, source_);
  load_state();
}

void import_target::load_state() {
  const auto rows = connection_.as_user(user_, state_statement, user_, source_);
  if (rows.empty()) return;
  state_.phase = rows[0][0].c_str();
  if (!rows[0][1].is_null()) state_.finished_at = rows[0][1].c_str();
  state_.skips = read_skips();
}

std::map<import_kind, std::set<core::uuid>> import_target::read_skips() {
  std::map<import_kind, std::set<core::uuid>> skips;
  for (const auto& r : connection_.as_user(user_, skips_statement, user_, source_))
    for (const auto kind : import_kinds)
      if (std::string_view{to_string(kind)} == r[0].c_str())
        skips[kind].insert(read_uuid(r[1].c_str()));
  return skips;
}

void import_target::gather(const statement& s, std::string call) {
  connection_.prepare(s);
  gathered_ += ';' + std::move(call);
}

void import_target::commit() {
  if (!gathered_.empty() && !dry_run_) connection_.exec(set_user_text(user_) + gathered_);
  gathered_.clear();
}

std::set<core::uuid> import_target::existing(import_kind kind, const std::vector<core::uuid>& ids) {
  std::set<core::uuid> found;
  if (ids.empty()) return found;
  for (const auto& r : connection_.exec(select_text("id", kind, ids, user_)))
    found.insert(read_uuid(r[0].c_str()));
  for (const auto& id : ids)
    if (imagined_[kind].contains(id)) found.insert(id);
  return found;
}

std::optional<core::uuid> import_target::another_users(const std::vector<core::uuid>& images) {
  const auto own = existing(import_kind::images, images);
  for (const auto& r : connection_.run(owners_statement, images))
    if (const auto id = read_uuid(r[0].c_str()); !own.contains(id)) return id;
  return std::nullopt;
}

void import_target::add(const core::image& i) {
  if (dry_run_) imagined_[import_kind::images].insert(i.id.value);
  gather(image_statement,
         execute_text(image_statement, i.id, user_, i.filename, i.blob_path, i.content_type,
                      i.byte_size, i.sha256, i.width, i.height, i.text_prompt, i.created_at));
  unskip(import_kind::images, i.id.value);
}

void import_target::add(const core::bbox_annotation& b) {
  const auto& p = b.prompt;
  gather(box_statement,
         execute_text(box_statement, p.id, b.image, user_, p.area.x, p.area.y, p.area.width,
                      p.area.height, core::to_string(p.type), b.created_at));
  unskip(import_kind::boxes, p.id.value);
}

void import_target::add(const core::point_annotation& p) {
  gather(point_statement, execute_text(point_statement, p.prompt.id, p.image, user_, p.prompt.at.x,
                                       p.prompt.at.y, p.prompt.is_positive, p.created_at));
  unskip(import_kind::points, p.prompt.id.value);
}

void import_target::add(const imported_job& j) {
  const auto& r = j.record;
  if (dry_run_) imagined_[import_kind::jobs].insert(r.id.value);
  std::vector<core::uuid> images;
  for (const auto& i : r.image_ids) images.push_back(i.value);
  gather(job_statement,
         execute_text(job_statement, r.id, core::to_string(r.mode), core::to_string(r.status),
                      images, r.image_filenames.items(), r.current_index, r.failed_count,
                      j.snapshot, r.error, r.created_at, r.started_at, r.completed_at));
  if (!j.failed_images.empty())
    gather(failures_statement,
           execute_text(failures_statement, r.id, user_, r.error.value_or("failed"),
                        r.completed_at.value_or(r.created_at), j.failed_images));
  unskip(import_kind::jobs, r.id.value);
}

void import_target::add(const core::processing_result& r,
                        const std::optional<std::string>& bboxes) {
  std::string scores = "{";
  for (const auto& d : r.detections) {
    if (scores.size() > 1) scores += ',';
    append_literal(scores, d.score);
  }
  gather(result_statement,
         execute_text(result_statement, r.id, r.job, r.image, user_, core::to_string(r.mode),
                      detections_text(r.detections), bboxes, scores + "}", r.mask_blob_path,
                      r.coco_json_blob_path, r.model, r.processed_at));
  unskip(import_kind::results, r.id.value);
}

void import_target::skip(import_kind kind, const core::uuid& id, const std::string& reason) {
  gather(skip_statement, execute_text(skip_statement, user_, source_, to_string(kind), id, reason));
}

void import_target::unskip(import_kind kind, const core::uuid& id) {
  const auto at = state_.skips.find(kind);
  if (at == state_.skips.end() || !at->second.contains(id)) return;
  gather(unskip_statement, execute_text(unskip_statement, user_, source_, to_string(kind), id));
}

void import_target::enter_phase(const std::string& phase) {
  commit();
  gather(phase_statement, execute_text(phase_statement, user_, source_, phase));
  commit();
}

std::map<core::uuid, import_digest> import_target::digests(import_kind kind,
                                                           const std::vector<core::uuid>& ids) {
  std::map<core::uuid, import_digest> out;
  const std::string status = kind == import_kind::jobs ? "status" : "''";
  const auto columns = "id, " + import_digest_sql(kind, false) + ", " + status;
  for (const auto& r : connection_.exec(select_text(columns, kind, ids, user_))) {
    const auto id = read_uuid(r[0].c_str());
    out[id] = {id, r[1].c_str(), r[2].c_str()};
  }
  return out;
}

std::map<core::uuid, import_target::stored_image> import_target::stored_images(
    const std::vector<core::uuid>& ids) {
  std::map<core::uuid, stored_image> out;
  for (const auto& r : connection_.as_user(user_, stored_images_statement, ids, user_))
    out[read_uuid(r[0].c_str())] = {r[1].c_str(), r[2].c_str(), r[3].as<std::int64_t>()};
  return out;
}

std::map<core::uuid, std::string> import_target::stored_detections(
    const std::vector<core::uuid>& ids) {
  std::map<core::uuid, std::string> out;
  for (const auto& r : connection_.as_user(user_, stored_results_statement, ids, user_))
    out[read_uuid(r[0].c_str())] = r[1].c_str();
  return out;
}

import_target::usage import_target::read_usage() {
  const auto r = connection_.as_user(user_, usage_statement, user_)[0];
  const auto number = [&](int i) { return r[i].as<std::int64_t>(); };
  return {number(0), number(1), number(2), number(3), number(4), number(5)};
}

}  // namespace samovar::storage
