#include <algorithm>
#include <limits>

#include "storage/job_rows.hpp"
#include "storage/keyset.hpp"
#include "storage/repositories.hpp"

namespace samovar::storage {

namespace {

// Four texts rather than "($5 is null or …)": each is then served by an index in its own order.
// Without a total: the answer is an array. A job may have ten thousand images, and their ids and
// names are part of it: of the rows found (`of`) only those are sent that have fewer than
// 200,000 images before them.
#define JOB_LIST(filter, compare, order)                                          \
  "select " SAMOVAR_JOB_COLUMNS                                                   \
  ", of from (select *, count(*) over () as of, "                                 \
  "coalesce(sum(cardinality(image_ids)) over (order by " order                    \
  " rows between unbounded preceding and 1 preceding), 0) as before "             \
  "from (select * from processing_jobs where user_id = $1::uuid " filter          \
  " and (created_at, id) " compare " ($2::timestamptz, $3::uuid) order by " order \
  " limit $4::bigint) l) l where before < 200000 order by " order

constexpr statement list_newest{"job_list_newest", JOB_LIST("", "<", "created_at desc, id desc")};
constexpr statement list_oldest{"job_list_oldest", JOB_LIST("", ">", "created_at, id")};
constexpr statement list_status_newest{
    "job_list_status_newest", JOB_LIST("and status = $5::text", "<", "created_at desc, id desc")};
constexpr statement list_status_oldest{"job_list_status_oldest",
                                       JOB_LIST("and status = $5::text", ">", "created_at, id")};
constexpr statement find_statement{
    "job_find", "select " SAMOVAR_JOB_COLUMNS
                " from processing_jobs where id = $1::uuid and user_id = $2::uuid"};
// One row at least when there is such a job. The look-ups stay apart (`offset 0`): a planner that
// knows nothing would read all results of the job, or of the user, to join them.
constexpr statement images_statement{
    "job_images",
    "select j.status, p.image, p.filename, r.id, f.error from (select status, image_ids, "
    "image_filenames from processing_jobs where id = $1::uuid and user_id = $2::uuid) j "
    "left join lateral unnest(j.image_ids[$3::integer + 1 : $3 + $4::integer], "
    "j.image_filenames[$3 + 1 : $3 + $4]) with ordinality as p (image, filename, n) on true "
    "left join lateral (select id from processing_results "
    "where job_id = $1 and image_id = p.image offset 0) r on true "
    "left join lateral (select error from job_image_failures "
    "where job_id = $1 and image_id = p.image offset 0) f on true order by p.n"};
constexpr statement failed_statement{
    "job_failed_images",
    "select image_id from job_image_failures where job_id = $1::uuid and user_id = $2::uuid"};

constexpr statement summary_statement{
    "job_queue_summary",
    "select u.queue_paused, count(*) filter (where j.status = 'queued'), "
    "count(*) filter (where j.status = 'running'), "
    "coalesce(sum(cardinality(j.image_ids) - j.current_index), 0)::bigint "
    "from users u left join processing_jobs j "
    "on j.user_id = u.id and j.status in ('queued', 'running') "
    "where u.id = $1::uuid group by u.queue_paused"};

}  // namespace

core::job read_job(const pqxx::row& r, int at) {
  core::job j;
  j.id = read_id<core::job_id>(r[at].c_str());
  j.user = read_id<core::user_id>(r[at + 1].c_str());
  j.mode = core::parse_segmentation_mode(r[at + 2].c_str()).value();
  j.status = core::parse_job_status(r[at + 3].c_str()).value();
  j.priority = r[at + 4].as<int>();
  if (!r[at + 5].is_null()) {
    std::vector<core::image_id> ids;
    for (const auto& id : read_uuid_array(r[at + 5].c_str())) ids.push_back({id});
    j.image_ids = std::move(ids);
  }
  if (!r[at + 6].is_null()) j.image_filenames = read_text_array(r[at + 6].c_str());
  j.current_index = r[at + 7].as<int>();
  j.failed_count = r[at + 8].as<int>();
  if (!r[at + 9].is_null()) j.error = r[at + 9].c_str();
  j.version = r[at + 10].as<std::int64_t>();
  j.fencing_token = r[at + 11].as<std::int64_t>();
  j.created_at = read_timestamp(r[at + 12].c_str());
  if (!r[at + 13].is_null()) j.started_at = read_timestamp(r[at + 13].c_str());
  if (!r[at + 14].is_null()) j.completed_at = read_timestamp(r[at + 14].c_str());
  return j;
}

core::page<core::job> job_repository::list_jobs(core::user_id actor,
                                                std::optional<core::job_status> status,
                                                const core::page_request& p) {
  const keyset start{p};
  auto c = pool_.take();
  const auto rows =
      status ? c->as_user(actor, p.oldest_first ? list_status_oldest : list_status_newest, actor,
                          start.at, start.id, start.fetch, std::string{core::to_string(*status)})
             : c->as_user(actor, p.oldest_first ? list_oldest : list_newest, actor, start.at,
                          start.id, start.fetch);
  core::page<core::job> page;
  for (const auto& row : rows) page.items.push_back(read_job(row));
  finish_page(
      page, p.limit, [](const core::job& j) { return j.created_at; },
      [](const core::job& j) { return j.id.value; });
  if (!page.next && !rows.empty() &&
      rows[0][job_column_count].as<std::size_t>() > page.items.size())
    page.next = core::cursor{page.items.back().created_at, page.items.back().id.value};
  return page;
}

std::optional<core::job> job_repository::find_job(core::user_id actor, core::job_id id) {
  const auto rows = pool_.take()->as_user(actor, find_statement, id, actor);
  if (rows.empty()) return std::nullopt;
  return read_job(rows[0]);
}

core::queue_summary job_repository::summarize_queue(core::user_id actor) {
  const auto rows = pool_.take()->as_user(actor, summary_statement, actor);
  if (rows.empty()) return {};
  return {rows[0][0].as<bool>(), rows[0][1].as<std::int64_t>(), rows[0][2].as<std::int64_t>(),
          rows[0][3].as<std::int64_t>()};
}

core::outcome<core::page<core::job_image_state>> job_repository::list_job_images(
    core::user_id actor, core::job_id id, const core::page_request& p) {
  const auto skipped = p.after ? p.after->at.time_since_epoch().count() : std::int64_t{0};
  const auto begin = static_cast<std::int32_t>(
      std::clamp<std::int64_t>(skipped, 0, std::numeric_limits<std::int32_t>::max() / 2));
  const auto fetch = static_cast<std::int32_t>(p.limit) + 1;
  const auto rows = pool_.take()->as_user(actor, images_statement, id, actor, begin, fetch);
  if (rows.empty()) return core::make_error(core::error_code::not_found, "Job not found");
  const auto status = core::parse_job_status(rows[0][0].c_str()).value();
  core::page<core::job_image_state> page;
  for (const auto& row : rows) {
    if (row[1].is_null()) break;  // the job alone: nothing of it is in this page
    core::job_image_state s;
    s.image = read_id<core::image_id>(row[1].c_str());
    s.filename = row[2].c_str();
    if (!row[3].is_null()) {
      s.result = read_id<core::result_id>(row[3].c_str());
      s.state = core::unit_state::done;
    } else if (!row[4].is_null()) {
      s.error = row[4].c_str();
      s.state = core::unit_state::failed;
    } else if (status == core::job_status::cancelled) {
      s.state = core::unit_state::cancelled;
    } else if (core::is_terminal(status)) {
      s.state = core::unit_state::done;  // its result went with the image when that was deleted
    }
    page.items.push_back(std::move(s));
  }
  const auto end = std::int64_t{begin} + fetch - 1;
  finish_page(
      page, p.limit, [end](const auto&) { return core::timestamp{std::chrono::microseconds(end)}; },
      [](const auto&) { return core::uuid{}; });
  return page;
}

std::vector<core::image_id> job_repository::failed_images(core::user_id actor, core::job_id id) {
  std::vector<core::image_id> images;
  for (const auto& row : pool_.take()->as_user(actor, failed_statement, id, actor))
    images.push_back(read_id<core::image_id>(row[0].c_str()));
  return images;
}

}  // namespace samovar::storage
