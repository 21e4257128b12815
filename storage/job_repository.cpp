#include <unordered_map>

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
constexpr statement ended_statement{
    "job_ended",
    "select image_id, id, null::text from processing_results where job_id = $1::uuid "
    "and user_id = $2::uuid union all "
    "select image_id, null, error from job_image_failures where job_id = $1 and user_id = $2"};

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

core::outcome<std::vector<core::job_image_state>> job_repository::list_job_images(
    core::user_id actor, core::job_id id) {
  auto c = pool_.take();
  const auto found = c->as_user(actor, find_statement, id, actor);
  if (found.empty()) return core::make_error(core::error_code::not_found, "Job not found");
  const auto job = read_job(found[0]);
  std::unordered_map<core::image_id, core::job_image_state> ended;
  for (const auto& row : c->as_user(actor, ended_statement, id, actor)) {
    core::job_image_state s;
    s.image = read_id<core::image_id>(row[0].c_str());
    if (!row[1].is_null()) s.result = read_id<core::result_id>(row[1].c_str());
    if (!row[2].is_null()) s.error = row[2].c_str();
    s.state = s.result ? core::unit_state::done : core::unit_state::failed;
    ended.emplace(s.image, std::move(s));
  }
  std::vector<core::job_image_state> out;
  for (std::size_t i = 0; i < job.image_ids.size(); ++i) {
    core::job_image_state s;
    if (auto at = ended.find(job.image_ids[i]); at != ended.end()) {
      s = at->second;
    } else if (job.status == core::job_status::cancelled) {
      s.state = core::unit_state::cancelled;
    } else if (core::is_terminal(job.status)) {
      s.state = core::unit_state::done;  // its result went with the image when that was deleted
    }
    s.image = job.image_ids[i];
    s.filename = job.image_filenames[i];
    out.push_back(std::move(s));
  }
  return out;
}

}  // namespace samovar::storage
