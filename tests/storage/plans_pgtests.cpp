// The plans of every list query over a large database: no sequential scan, no sort.
//
// The statements are taken from the connection that ran them (pg_prepared_statements), so that the
// test looks at what the program really sends.
#include "cluster_fixture.hpp"
#include "storage/job_batch.hpp"

using namespace samovar;
using namespace samovar::tests;

namespace {

struct big_database {
  // One connection: the one whose prepared statements are looked at.
  storage::pool pool{cluster().db.app_conninfo, 1, std::chrono::milliseconds(1000)};
  storage::image_repository images{pool};
  storage::annotation_repository annotations{pool};
  storage::job_repository jobs{pool};
  storage::result_repository results{pool};
  core::user_id user = make_user();
  core::image_id image = add_image(user).id;

  big_database() {
    pqxx::connection c{cluster().db.embedded->superuser_conninfo()};
    pqxx::work t{c};
    const auto u = "'" + core::to_string(user) + "'::uuid",
               i = "'" + core::to_string(image) + "'::uuid";
    t.exec(
        "create temporary table crowd as select gen_random_uuid() as id, n "
        "from generate_series(1, 2000) n");
    t.exec("insert into users (id, email) select id, id || '@crowd.example' from crowd");
    t.exec("insert into crowd select " + u + ", 0 from generate_series(1, 1000)");
    t.exec(
        "create temporary table pictures as select gen_random_uuid() as id, c.id as user_id, "
        "now() - random() * interval '100 days' as at from crowd c, generate_series(1, 33)");
    t.exec(
        "insert into images (id, user_id, filename, blob_path, content_type, byte_size, sha256, "
        "width, height, created_at) select id, user_id, 'f', id, 't', 1, 's', 9, 9, at "
        "from pictures");
    t.exec(
        "create temporary table works as select gen_random_uuid() as id, id as image_id, "
        "user_id, at from pictures");
    t.exec(
        "insert into processing_jobs (id, user_id, mode, status, image_ids, image_filenames, "
        "annotations_snapshot, created_at) select id, user_id, 'point', "
        "(array['completed', 'queued', 'failed'])[1 + floor(random() * 3)], array[image_id], "
        "array['f'], '{}', at from works");
    t.exec(
        "insert into processing_results (id, job_id, image_id, user_id, mode, detections, "
        "mask_blob_path, coco_json_blob_path, processed_at) select gen_random_uuid(), id, "
        "image_id, user_id, 'point', '[]', 'm', 'c', at from works");
    t.exec(
        "insert into bbox_annotations (id, image_id, user_id, bbox_x, bbox_y, bbox_width, "
        "bbox_height, prompt_type, created_at) select gen_random_uuid(), id, user_id, 0, 0, 1, "
        "1, 'segment', at from pictures");
    t.exec(
        "insert into bbox_annotations (id, image_id, user_id, bbox_x, bbox_y, bbox_width, "
        "bbox_height, prompt_type) select gen_random_uuid(), " +
        i + ", " + u + ", 0, 0, 1, 1, 'segment' from generate_series(1, 900)");
    t.exec(
        "insert into point_annotations (id, image_id, user_id, point_x, point_y, created_at) "
        "select gen_random_uuid(), id, user_id, 0, 0, at from pictures");
    t.exec(
        "insert into point_annotations (id, image_id, user_id, point_x, point_y) "
        "select gen_random_uuid(), " +
        i + ", " + u + ", 0, 0 from generate_series(1, 900)");
    t.commit();
    pqxx::nontransaction{c}.exec("vacuum analyze");
  }

  /// The suites after this one look at everybody's rows: a hundred thousand would be in their way.
  ~big_database() {
    pqxx::connection c{cluster().db.embedded->superuser_conninfo()};
    pqxx::work t{c};
    t.exec("truncate users cascade");
    t.commit();
  }

  std::string plan(const std::string& call) {
    std::string text;
    auto c = pool.take();
    for (const auto& row : c->exec(storage::set_user_text(user) + "; explain (costs off) " + call))
      text += std::string{row[0].c_str()} + "\n";
    return text;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(plans, big_database)

BOOST_AUTO_TEST_CASE(no_list_scans_a_table_or_sorts) {
  core::page_request newest, oldest;
  newest.limit = oldest.limit = 50;
  oldest.oldest_first = true;
  for (const auto& p : {newest, oldest}) {
    core::image_query q;
    q.paging = p;
    BOOST_TEST(images.list_images(user, q).items.size() == 50u);
    BOOST_TEST(annotations.list_boxes(user, image, {}, p)->items.size() == 50u);
    BOOST_TEST(annotations.list_points(user, image, p)->items.size() == 50u);
    BOOST_TEST(jobs.list_jobs(user, {}, p).items.size() == 50u);
    BOOST_TEST(jobs.list_jobs(user, core::job_status::queued, p).items.size() == 50u);
    BOOST_TEST(results.list_results(user, {}, p).items.size() == 50u);
    results.list_results(user, image, p);
  }
  results.newest_result(user, image, core::segmentation_mode::point);

  const auto u = "'" + core::to_string(user) + "'", i = "'" + core::to_string(image) + "'";
  const std::string position = "'2026-01-01', '00000000-0000-0000-0000-000000000000', 51";
  const std::vector<std::string> calls = {
      "image_list_newest(" + u + ", " + position + ", null)",
      "image_list_oldest(" + u + ", " + position + ", null)",
      "box_list_newest(" + i + ", " + u + ", " + position + ", null)",
      "box_list_oldest(" + i + ", " + u + ", " + position + ", null)",
      "point_list_newest(" + i + ", " + u + ", " + position + ")",
      "point_list_oldest(" + i + ", " + u + ", " + position + ")",
      "job_list_newest(" + u + ", " + position + ")",
      "job_list_oldest(" + u + ", " + position + ")",
      "job_list_status_newest(" + u + ", " + position + ", 'queued')",
      "job_list_status_oldest(" + u + ", " + position + ", 'queued')",
      "result_list_newest(" + u + ", " + position + ")",
      "result_list_oldest(" + u + ", " + position + ")",
      "result_list_image_newest(" + u + ", " + position + ", " + i + ")",
      "result_list_image_oldest(" + u + ", " + position + ", " + i + ")",
      "result_newest(" + i + ", " + u + ", 'point')"};
  const auto prepared = pool.take()->exec(
      "select count(*) from pg_prepared_statements where name like '%\\_list\\_%'");
  BOOST_TEST(prepared[0][0].as<std::size_t>() == calls.size() - 1);  // no list without cover
  for (const auto& call : calls)
    for (const char* mode : {"force_custom_plan", "force_generic_plan"})
      BOOST_TEST_CONTEXT(call << " " << mode) {
        pool.take()->exec(std::string{"set plan_cache_mode = "} + mode);
        const auto text = plan("execute " + call);
        BOOST_TEST(text.find("Seq Scan") == std::string::npos, text);
        BOOST_TEST(text.find("Sort") == std::string::npos, text);
      }
}

// Each commit reads what it touches and nothing more, however much the user has.
BOOST_AUTO_TEST_CASE(a_batch_looks_up_its_rows_by_their_keys) {
  for (const auto& s : storage::batch_statements()) pool.take()->prepare(s);
  const auto u = "'" + core::to_string(user) + "'";
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  const auto ended = plan("execute batch_ended('{}', '{}')");
  // By the unique index or by the image's: here each image has one result, so both are one row.
  BOOST_TEST(has(ended, "image_id = a.image)"), ended);
  BOOST_TEST(!has(ended, "Join"), ended);
  const auto insert = plan("execute batch_insert_results(" + u +
                           ", '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', "
                           "'{}')");
  const auto update = plan("execute batch_update_jobs(" + u +
                           ", 1, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')");
  const auto lock = plan("execute batch_lock_jobs(" + u + ", '{}', '{}')");
  for (const auto& text : {ended, update, lock, insert})
    for (const char* whole : {"Seq Scan", "ix_results_user", "ix_jobs_user"})
      BOOST_TEST(!has(text, whole), text);
}

BOOST_AUTO_TEST_SUITE_END()
