#include <map>

#include "storage/keyset.hpp"
#include "storage/repositories.hpp"
#include "storage/row_json.hpp"

namespace samovar::storage {

namespace {

#define RESULT_ROW                                                                  \
  "r.id, r.job_id, r.image_id, r.user_id, r.mode, r.detections, r.mask_blob_path, " \
  "r.coco_json_blob_path, r.model, r.device_ms, r.processed_at"

constexpr statement find_statement{
    "result_find", "select " RESULT_ROW
                   " from processing_results r where r.id = $1::uuid and r.user_id = $2::uuid"};
#define NEWEST_OF(image)                                                                           \
  "select " RESULT_ROW " from processing_results r where r.image_id = " image                      \
  " and r.user_id = $2::uuid and r.mode = $3::text order by r.processed_at desc, r.id desc limit " \
  "1"
constexpr statement newest_statement{"result_newest", NEWEST_OF("$1::uuid")};
// As with the jobs' list: of the rows found (`of`) only those are sent that have less than 4 MB of
// detections before them. Their stored size is known without reading them.
constexpr statement newest_run_statement{
    "result_newest_run",
    "select l.* from (select *, count(*) over () as of, "
    "coalesce(sum(pg_column_size(detections)) over (order by n "
    "rows between unbounded preceding and 1 preceding), 0) as before "
    "from (select r.*, a.n from unnest($1::uuid[]) with ordinality as a (image, n) "
    "cross join lateral (" NEWEST_OF("a.image") ") r) f) l where before < 4000000 order by n"};

// Without a total: the answers are arrays, and counting ten thousand rows under row-level security
// took longer than all the rest. And without the prompts, which follow for all of them.
#define RESULT_LIST(filter, compare, order)                                             \
  "select " RESULT_ROW " from processing_results r where r.user_id = $1::uuid " filter  \
  " and (r.processed_at, r.id) " compare " ($2::timestamptz, $3::uuid) order by " order \
  " limit $4::bigint"

// The index of a user's list is for those who say this (migration 013).
#define OF_THE_USER "and r.processed_at is not null"

constexpr statement list_newest{"result_list_newest",
                                RESULT_LIST(OF_THE_USER, "<", "r.processed_at desc, r.id desc")};
constexpr statement list_oldest{"result_list_oldest",
                                RESULT_LIST(OF_THE_USER, ">", "r.processed_at, r.id")};
constexpr statement list_image_newest{
    "result_list_image_newest",
    RESULT_LIST("and image_id = $5::uuid", "<", "r.processed_at desc, r.id desc")};
constexpr statement list_image_oldest{
    "result_list_image_oldest",
    RESULT_LIST("and image_id = $5::uuid", ">", "r.processed_at, r.id")};

// A job's snapshot holds the prompts of all its images, ten thousand perhaps. It is read once for
// all that want their part of it: joined with the empty object it is a value in memory.
constexpr statement prompts_statement{
    "result_prompts",
    "select g.job, p.image, s.whole -> p.image::text "
    "from (select a.job, array_agg(a.image) as images "
    "from unnest($1::uuid[], $2::uuid[]) as a (job, image) group by a.job) g "
    "cross join lateral (select j.annotations_snapshot || '{}' as whole from processing_jobs j "
    "where j.id = g.job offset 0) s cross join lateral unnest(g.images) as p (image)"};

void add_prompts_on(connection& c, core::user_id actor, std::span<core::processing_result> rows) {
  std::vector<core::uuid> jobs, images;
  std::map<std::pair<core::uuid, core::uuid>, core::processing_result*> by_key;
  for (auto& r : rows) {
    jobs.push_back(r.job.value);
    images.push_back(r.image.value);
    by_key[{r.job.value, r.image.value}] = &r;
  }
  if (rows.empty()) return;
  for (const auto& row : c.as_user(actor, prompts_statement, jobs, images)) {
    if (row[2].is_null()) continue;
    by_key.at({read_uuid(row[0].c_str()), read_uuid(row[1].c_str())})->prompts =
        read_prompts(row[2].c_str());
  }
}

core::processing_result read_result(const pqxx::row& r) {
  core::processing_result p;
  p.id = read_id<core::result_id>(r[0].c_str());
  p.job = read_id<core::job_id>(r[1].c_str());
  p.image = read_id<core::image_id>(r[2].c_str());
  p.user = read_id<core::user_id>(r[3].c_str());
  p.mode = core::parse_segmentation_mode(r[4].c_str()).value();
  p.detections = read_detections(r[5].c_str());
  p.mask_blob_path = r[6].c_str();
  p.coco_json_blob_path = r[7].c_str();
  p.model = r[8].c_str();
  p.device_ms = r[9].as<double>();
  p.processed_at = read_timestamp(r[10].c_str());
  return p;
}

}  // namespace

std::optional<core::processing_result> result_repository::find_result(core::user_id actor,
                                                                      core::result_id id) {
  const auto rows = pool_.take()->as_user(actor, find_statement, id, actor);
  if (rows.empty()) return std::nullopt;
  return read_result(rows[0]);
}

std::optional<core::processing_result> result_repository::newest_result(
    core::user_id actor, core::image_id image, core::segmentation_mode mode) {
  const auto rows = pool_.take()->as_user(actor, newest_statement, image, actor,
                                          std::string{core::to_string(mode)});
  if (rows.empty()) return std::nullopt;
  return read_result(rows[0]);
}

core::result_run result_repository::newest_results(core::user_id actor,
                                                   std::span<const core::image_id> images,
                                                   core::segmentation_mode mode) {
  std::vector<core::uuid> wanted;
  for (const auto& id : images) wanted.push_back(id.value);
  const auto rows = pool_.take()->as_user(actor, newest_run_statement, wanted, actor,
                                          std::string{core::to_string(mode)});
  core::result_run run{{}, images.size()};
  for (const auto& row : rows) run.results.push_back(read_result(row));
  if (!rows.empty() && rows[0]["of"].as<std::size_t>() > run.results.size())
    run.images_done = rows.back()["n"].as<std::size_t>();
  return run;
}

void result_repository::add_prompts(core::user_id actor,
                                    std::span<core::processing_result> results) {
  if (!results.empty()) add_prompts_on(*pool_.take(), actor, results);
}

core::page<core::processing_result> result_repository::list_results(
    core::user_id actor, std::optional<core::image_id> image, const core::page_request& p) {
  const keyset start{p};
  auto c = pool_.take();
  const auto rows = image
                        ? c->as_user(actor, p.oldest_first ? list_image_oldest : list_image_newest,
                                     actor, start.at, start.id, start.fetch, *image)
                        : c->as_user(actor, p.oldest_first ? list_oldest : list_newest, actor,
                                     start.at, start.id, start.fetch);
  core::page<core::processing_result> page;
  for (const auto& row : rows) page.items.push_back(read_result(row));
  finish_page(
      page, p.limit, [](const auto& r) { return r.processed_at; },
      [](const auto& r) { return r.id.value; });
  add_prompts_on(*c, actor, page.items);
  return page;
}

}  // namespace samovar::storage
