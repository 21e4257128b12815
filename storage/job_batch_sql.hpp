// The statements of a batch. Lists of values come as arrays, one statement per kind of work.
#pragma once

#include "storage/job_rows.hpp"
#include "storage/sql_text.hpp"

namespace samovar::storage {

// $3: jobs whose images are known already; their lists are not sent.
inline constexpr statement lock_jobs{
    "batch_lock_jobs",
    "select id, user_id, mode, status, priority, "
    "case when id = any ($3::uuid[]) then null else image_ids end, "
    "case when id = any ($3) then null else image_filenames end, current_index, failed_count, "
    "error, version, fencing_token, created_at, started_at, completed_at, "
    "idempotency_key, request_hash from processing_jobs "
    "where id = any ($2::uuid[]) and user_id = $1::uuid order by id for no key update"};
inline constexpr statement lock_keyed_jobs{
    "batch_lock_keyed_jobs", "select " SAMOVAR_JOB_COLUMNS
                             ", idempotency_key, request_hash from processing_jobs "
                             "where user_id = $1::uuid and idempotency_key = any ($2::text[]) "
                             "order by id for no key update"};
// What new jobs need, in one statement: the images, their boxes and points, the user's limits. The
// lock keeps the images until the commit.
inline constexpr statement read_for_jobs{
    "batch_read_for_jobs",
    "select 'image', id, filename, blob_path, sha256, text_prompt, null, null from ("
    "select id, filename, blob_path, sha256, text_prompt from images "
    "where id = any ($2::uuid[]) and user_id = $1::uuid order by id for key share) i "
    "union all select 'box', image_id, id::text, bbox_x::text, bbox_y::text, bbox_width::text, "
    "bbox_height::text, prompt_type from (select * from bbox_annotations "
    "where image_id = any ($2) and user_id = $1 order by created_at, id) b "
    "union all select 'point', image_id, id::text, point_x::text, point_y::text, "
    "is_positive::text, null, null from (select * from point_annotations "
    "where image_id = any ($2) and user_id = $1 order by created_at, id) p "
    "union all select 'limits', id, max_concurrent_jobs::text, share_weight::text, "
    "queue_paused::text, null, null, null from users where id = $1"};
// Only for results that may have lost their image: the foreign key refuses those otherwise.
inline constexpr statement lock_images{
    "batch_lock_images",
    "select id from images "
    "where id = any ($2::uuid[]) and user_id = $1::uuid order by id for key share"};
inline constexpr statement read_limits{
    "batch_limits",
    "select max_concurrent_jobs, share_weight, queue_paused from users where id = $1::uuid"};
inline constexpr statement update_paused{
    "batch_update_paused", "update users set queue_paused = $2::boolean where id = $1::uuid"};
inline constexpr statement read_covering{
    "batch_covering",
    "select image_id, mode, snapshot from definer_covering($1::uuid[], $2::text[])"};
// Only for commands that may have been given before: a planner that knows nothing of the arrays may
// go by the image or the user, and read all their results. `offset 0` keeps each look-up apart.
inline constexpr statement read_ended{
    "batch_ended",
    "select a.job, a.image, r.id from unnest($1::uuid[], $2::uuid[]) as a (job, image) "
    "cross join lateral (select id from processing_results "
    "where job_id = a.job and image_id = a.image offset 0) r union all "
    "select a.job, a.image, null::uuid from unnest($1, $2) as a (job, image) "
    "cross join lateral (select from job_image_failures "
    "where job_id = a.job and image_id = a.image offset 0) f"};
inline constexpr statement read_snapshot_statement{
    "batch_snapshot",
    "select j.annotations_snapshot, (select coalesce(jsonb_object_agg(i.id, "
    "jsonb_build_array(i.blob_path, i.sha256)), '{}') from images i "
    "where i.id = any (j.image_ids) and i.user_id = $1) "
    "from processing_jobs j where j.id = $2::uuid and j.user_id = $1::uuid"};
inline constexpr statement insert_jobs{
    "batch_insert_jobs",
    "insert into processing_jobs (id, user_id, mode, status, priority, image_ids, "
    "image_filenames, current_index, failed_count, annotations_snapshot, error, idempotency_key, "
    "request_hash, version, fencing_token, created_at, started_at, completed_at) "
    "select x.id, $1::uuid, x.mode, x.status, x.priority, x.image_ids::uuid[], "
    "x.filenames::text[], x.current_index, x.failed_count, x.snapshot::jsonb, x.error, x.key, "
    "x.hash, x.version, $2::bigint, x.created_at, x.started_at, x.completed_at "
    "from unnest($3::uuid[], $4::text[], $5::text[], $6::integer[], $7::text[], $8::text[], "
    "$9::integer[], $10::integer[], $11::text[], $12::text[], $13::text[], $14::bytea[], "
    "$15::bigint[], $16::timestamptz[], $17::timestamptz[], $18::timestamptz[]) as x (id, mode, "
    "status, priority, image_ids, filenames, current_index, failed_count, snapshot, error, key, "
    "hash, version, created_at, started_at, completed_at)"};
// Of an image that has ended nothing is written; then a row is missing, and the division by zero
// rolls the batch back: it is decided again with what had ended before.
inline constexpr statement insert_results{
    "batch_insert_results",
    "with added as (insert into processing_results (id, job_id, image_id, user_id, mode, "
    "detections, bboxes, "
    "scores, mask_blob_path, coco_json_blob_path, model, device_ms, processed_at) "
    "select x.id, x.job, x.image, $1::uuid, x.mode, x.detections::jsonb, x.bboxes::jsonb, "
    "x.scores::double precision[], x.mask, x.coco, x.model, x.device_ms, x.processed_at "
    "from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], "
    "$8::text[], $9::text[], $10::text[], $11::text[], $12::double precision[], "
    "$13::timestamptz[]) as x (id, job, image, mode, detections, bboxes, scores, mask, coco, "
    "model, device_ms, processed_at) where not exists (select from job_image_failures f "
    "where f.job_id = x.job and f.image_id = x.image) "
    "on conflict (job_id, image_id) do nothing returning 1) "
    "select 1 / (case when count(*) = cardinality($2) then 1 else 0 end) from added"};
inline constexpr statement insert_failures{
    "batch_insert_failures",
    "with added as (insert into job_image_failures (job_id, image_id, user_id, attempts, error, "
    "failed_at) "
    "select x.job, x.image, $1::uuid, x.attempts, x.error, x.at "
    "from unnest($2::uuid[], $3::uuid[], $4::integer[], $5::text[], $6::timestamptz[]) "
    "as x (job, image, attempts, error, at) where not exists (select from processing_results r "
    "where r.job_id = x.job and r.image_id = x.image) "
    "on conflict (job_id, image_id) do nothing returning 1) "
    "select 1 / (case when count(*) = cardinality($2) then 1 else 0 end) from added"};
// Compare-and-set: the rows are locked, so a miss means that the lock was lost (a bug or another
// owner), and the division by zero rolls the batch back rather than let it be acknowledged. The
// user is compared so that no index of a user's list serves for it (migration 012).
inline constexpr statement update_jobs{
    "batch_update_jobs",
    "with changed as (update processing_jobs j set status = x.status, priority = x.priority, "
    "current_index = x.current_index, failed_count = x.failed_count, error = x.error, "
    "version = x.version, started_at = x.started_at, completed_at = x.completed_at "
    "from unnest($3::uuid[], $4::text[], $5::integer[], $6::integer[], $7::integer[], "
    "$8::text[], $9::bigint[], $10::bigint[], $11::timestamptz[], $12::timestamptz[]) as x (id, "
    "status, priority, current_index, failed_count, error, version_read, version, started_at, "
    "completed_at) where j.id = x.id and j.user_id is not distinct from $1::uuid "
    "and j.fencing_token = $2::bigint "
    "and j.version = x.version_read returning 1) "
    "select 1 / (case when count(*) = cardinality($3) then 1 else 0 end) from changed"};

}  // namespace samovar::storage
