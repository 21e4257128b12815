// What is read grows with what is asked for, and not with its square nor with all there is. Counted
// in index entries, on a database that was never analyzed: there the planner knows nothing and what
// it may choose from must do.
#include <algorithm>
#include <set>

#include "empty_database.hpp"
#include "storage/links.hpp"
#include "storage/reconcile.hpp"

using namespace samovar;
using namespace samovar::tests;

namespace {

constexpr int n = 1000;

/// User 1: n images, n ended jobs of one image and one of all; user 2: n images, n open jobs.
constexpr const char* filling = R"(
set session_replication_role = replica;
create function u(k int, i int) returns uuid language sql immutable as $$
  select (lpad(k::text, 8, '0') || '-0000-7000-8000-' || lpad(i::text, 12, '0'))::uuid $$;
insert into users (id, email, image_count, storage_bytes) select u(1, k), k || '@example.org', N, N
  from generate_series(1, 2) k;
insert into images (id, user_id, filename, blob_path, content_type, byte_size, sha256, width,
    height, created_at)
  select u(10 + k, i), u(1, k), 'f', u(10 + k, i), 't', 1, 's', 9, 9, now() + i * interval '1 s'
  from generate_series(1, 2) k, generate_series(1, N) i;
insert into processing_jobs (id, user_id, mode, status, image_ids, image_filenames, current_index,
    completed_at, annotations_snapshot)
  select u(20 + k, i), u(1, k), 'inside_box', case k when 1 then 'completed' else 'queued' end,
    array[u(10 + k, i)], '{f}', 2 - k, case k when 1 then now() end, '{}'
  from generate_series(1, 2) k, generate_series(1, N) i;
insert into processing_jobs (id, user_id, mode, status, image_ids, image_filenames, current_index,
    completed_at, annotations_snapshot)
  select u(30, 1), u(1, 1), 'find_all', 'completed', array_agg(u(11, i)), array_agg('f'::text), N, now(),
    jsonb_object_agg(u(11, i), jsonb_build_object('text_prompt', gen_random_uuid(),
      'bbox_annotations', '[]'::jsonb, 'point_annotations', '[]'::jsonb)) from generate_series(1, N) i;
insert into processing_results (id, job_id, image_id, user_id, mode, detections, mask_blob_path,
    coco_json_blob_path)
  select u(40, i), u(21, i), u(11, i), u(1, 1), 'inside_box', '[]'::jsonb, 'm', 'c'
  from generate_series(1, N) i
  union all select u(41, i), u(30, 1), u(11, i), u(1, 1), 'find_all', '[]', 'm', 'c'
  from generate_series(1, N) i;
)";

struct filled_database : empty_database {
  std::unique_ptr<storage::pool> pool;  ///< of one connection, whose reads are counted
  core::user_id first, second;

  filled_database() {
    storage::migrate(owner);
    superuser(filling);
    pool = std::make_unique<storage::pool>(app, 1, std::chrono::milliseconds(1000));
    first.value = id(1, 1);
    second.value = id(1, 2);
  }

  static core::uuid id(int kind, int number) {
    char text[37];
    std::snprintf(text, sizeof text, "%08d-0000-7000-8000-%012d", kind, number);
    return core::parse_uuid(text).value();
  }
  void superuser(std::string sql) {
    for (auto at = sql.find('N'); at != std::string::npos; at = sql.find('N', at + 1))
      sql.replace(at, 1, std::to_string(n));
    pqxx::connection c{
        storage::conninfo_for(cluster().db.embedded->paths(), "postgres", this->name)};
    pqxx::work t{c};
    t.exec(sql);
    t.commit();
  }

  /// Index entries read so far, by all who have told; the one connection is made to tell.
  std::int64_t reads(bool of_long_values) {
    pool->take()->exec("select pg_stat_force_next_flush()");
    return count(std::string{"select coalesce(sum(idx_tup_read), 0) from pg_stat_all_indexes "
                             "where relid in (select "} +
                 (of_long_values ? "reltoastrelid" : "oid") +
                 " from pg_class where relnamespace = 'public'::regnamespace)");
  }
  template <class F>
  std::int64_t reads_of(F&& f, bool of_long_values = false) {
    const auto before = reads(of_long_values);
    f();
    return reads(of_long_values) - before;
  }
  std::int64_t reads_of_query(core::user_id user, const std::string& sql,
                              bool long_values = false) {
    return reads_of([&] { pool->take()->exec(storage::set_user_text(user) + ";" + sql); },
                    long_values);
  }
};

std::string quoted(core::user_id id) { return "'" + core::to_string(id) + "'"; }

std::string all_of(const char* kind) {
  return "(select array_agg(u(" + std::string{kind} + ", i)) from generate_series(1, " +
         std::to_string(n) + ") i)";
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(growth, filled_database)

BOOST_AUTO_TEST_CASE(a_server_that_starts_reads_the_open_jobs) {
  // Those of the second user, and none of what the first one has.
  const auto nothing = "select definer_take_open_jobs(1, " + quoted(first) + ")";
  BOOST_TEST(reads_of_query(first, nothing) < n + 20);
  // Their images one by one, and of each whether something of it has ended.
  BOOST_TEST(reads_of_query(second, "select * from definer_open_jobs(" + all_of("22") + ")") <
             10 * n);
}

BOOST_AUTO_TEST_CASE(the_prompts_of_a_job_are_read_once_for_all_its_images) {
  const auto once = reads_of_query(
      first, "select annotations_snapshot || '{}' from processing_jobs where id = u(30, 1)", true);
  BOOST_REQUIRE(once > 2);
  const auto covering = "select * from definer_covering(" + all_of("11") +
                        ", array_fill('find_all'::text, array[" + std::to_string(n) + "]))";
  BOOST_TEST(reads_of_query(first, covering, true) <= once);

  storage::result_repository results{*pool};
  core::page_request p;
  p.limit = n;
  std::vector<core::processing_result> found;
  superuser(
      "update processing_results set processed_at = now() + interval '1 h' where job_id = u(30, "
      "1)");
  BOOST_TEST(reads_of([&] { found = results.list_results(first, {}, p).items; }, true) <= once);
  BOOST_TEST(found.size() == static_cast<std::size_t>(n));
  BOOST_TEST(std::count_if(found.begin(), found.end(),
                           [](const auto& r) { return r.prompts.text.has_value(); }) == n);
}

// The snapshot of the job is none of what a result is.
BOOST_AUTO_TEST_CASE(a_result_is_read_without_the_prompts_of_its_job) {
  storage::result_repository results{*pool};
  std::vector<core::processing_result> found;
  const auto find = [&] {
    found = {results.find_result(first, {id(41, 7)}).value(),
             results.newest_result(first, {id(11, 8)}, core::segmentation_mode::find_all).value()};
  };
  BOOST_TEST(reads_of(find, true) == 0);
  BOOST_TEST(!found[0].prompts.text.has_value());
  results.add_prompts(first, found);
  BOOST_TEST((found[0].id.value == id(41, 7) && found[1].id.value == id(41, 8)));
  BOOST_TEST((found[0].prompts.text.has_value() && found[1].prompts.text.has_value()));
  BOOST_TEST(*found[0].prompts.text != *found[1].prompts.text);
}

BOOST_AUTO_TEST_CASE(newest_results_are_found_by_their_images) {
  storage::result_repository results{*pool};
  superuser("delete from processing_results where id in (u(41, 2), u(41, 5))");
  std::vector<core::image_id> images;
  for (int i = 200; i >= 1; --i) images.push_back({id(11, i)});
  images.push_back({id(12, 1)});  // another's
  core::result_run run;
  BOOST_TEST(reads_of([&] {
               run = results.newest_results(first, images, core::segmentation_mode::find_all);
             }) < 3 * 200);
  BOOST_TEST(run.images_done == 201u);
  BOOST_REQUIRE(run.results.size() == 198u);
  for (std::size_t k = 0, i = 0; k < 198; ++k, ++i) {
    if (i == 195 || i == 198) ++i;  // images 5 and 2
    BOOST_TEST((run.results[k].image == images[i]));
  }
  // Of large ones (here 3 MB) fewer come at once.
  superuser(
      "update processing_results set detections = jsonb_build_array(jsonb_build_object("
      "'bbox', '[0, 0, 3000000, 1]'::jsonb, 'score', 1, 'area', 1500000, "
      "'size', '[1, 3000000]'::jsonb, 'counts', '111' || repeat('0', 2999997))) "
      "where id in (u(41, 198), u(41, 196))");
  run = results.newest_results(first, images, core::segmentation_mode::find_all);
  BOOST_TEST(run.images_done == 5u);
  BOOST_REQUIRE(run.results.size() == 5u);
  BOOST_TEST(run.results[4].detections.at(0).area == 1500000u);
  run = results.newest_results(first, std::span{images}.subspan(5),
                               core::segmentation_mode::find_all);
  BOOST_TEST(run.images_done == 196u);
  BOOST_TEST(run.results.size() == 193u);
}

BOOST_AUTO_TEST_CASE(a_page_of_a_jobs_images_is_read_by_their_keys) {
  storage::job_repository jobs{*pool};
  superuser(
      "update processing_jobs set status = 'failed', current_index = 1000 where id = u(30, 1); "
      "delete from processing_results where id in (u(41, 901), u(41, 902)); "
      "insert into job_image_failures (job_id, image_id, user_id, error) "
      "values (u(30, 1), u(11, 901), u(1, 1), 'broken')");
  core::page_request p;
  p.limit = 50;
  p.after = core::cursor{core::timestamp{std::chrono::microseconds(900)}, {}};
  core::page<core::job_image_state> page;
  BOOST_TEST(reads_of([&] { page = jobs.list_job_images(first, {id(30, 1)}, p).value(); }) < 300);
  BOOST_REQUIRE(page.items.size() == 50u);
  for (int i = 0; i < 50; ++i) BOOST_TEST((page.items[i].image.value == id(11, 901 + i)));
  BOOST_TEST((page.items[0].state == core::unit_state::failed));
  BOOST_TEST(*page.items[0].error == "broken");
  BOOST_TEST((page.items[1].state == core::unit_state::done && !page.items[1].result));
  BOOST_TEST((page.items[2].result->value == id(41, 903)));
  BOOST_TEST(page.items[2].filename == "f");
  BOOST_TEST((jobs.failed_images(first, {id(30, 1)}) == std::vector{core::image_id{id(11, 901)}}));

  std::size_t seen = 950;
  while (page.next) {
    p.after = page.next;
    page = jobs.list_job_images(first, {id(30, 1)}, p).value();
    seen += page.items.size();
  }
  BOOST_TEST(seen == static_cast<std::size_t>(n));
  // Past the end there is nothing, and of another's job not even that.
  for (const std::int64_t end : {std::int64_t{n}, std::int64_t{1} << 52}) {
    p.after = core::cursor{core::timestamp{std::chrono::microseconds(end)}, {}};
    page = jobs.list_job_images(first, {id(30, 1)}, p).value();
    BOOST_TEST((page.items.empty() && !page.next));
  }
  BOOST_TEST(!jobs.list_job_images(second, {id(30, 1)}, p).ok());
  BOOST_TEST(jobs.failed_images(second, {id(30, 1)}).empty());
}

BOOST_AUTO_TEST_CASE(a_page_of_users_is_read_from_its_place) {
  superuser(
      "insert into users (id, email, created_at) select u(1, k), k || '@example.org', "
      "now() + (k / 2) * interval '1 s' from generate_series(3, N) k");
  storage::account_repository accounts{*pool};
  const auto all = accounts.list_users();
  core::page_request p;
  p.limit = 60;
  std::vector<core::user_id> seen;
  do {
    core::page<core::user> page;
    BOOST_TEST(reads_of([&] { page = accounts.list_users(p); }) < 200);
    for (const auto& u : page.items) seen.push_back(u.id);
    p.after = page.next;
  } while (p.after);
  BOOST_REQUIRE(seen.size() == all.size());
  for (std::size_t i = 0; i < seen.size(); ++i) BOOST_TEST((seen[i] == all[i].id));
}

// Of the whole log, or of what the filter finds where that is less.
BOOST_AUTO_TEST_CASE(a_page_of_the_audit_log_is_read_from_its_place) {
  superuser(
      "insert into audit_log (action, user_id, actor_id, at) select "
      "case when i % 100 = 50 then 'key_created' when i % 2 = 0 then 'sign_in' else 'admin_read' "
      "end, u(1, case i % 100 when 0 then 2 else 1 end), u(1, case i % 100 when 1 then 2 else 1 "
      "end), "
      "now() - interval '1 day' from generate_series(1, 10 * N) i");
  storage::audit_repository audit{*pool};
  BOOST_TEST(reads_of([&] { audit.admin_read({first, "10.0.0.1"}, "/none"); }) < 200);
  using filter = std::pair<std::optional<std::string>, std::optional<core::user_id>>;
  const std::vector<std::pair<filter, std::size_t>> cases = {{{{}, {}}, 10 * n + 1},
                                                             {{"key_created", {}}, n / 10},
                                                             {{"key_revoked", {}}, 0},
                                                             {{{}, second}, n / 5},
                                                             {{"sign_in", second}, n / 10},
                                                             {{"key_created", second}, 0},
                                                             {{{}, core::user_id{id(1, 9)}}, 0}};
  for (const auto& [asked, matching] : cases) {
    core::audit_query q;
    std::tie(q.action, q.user) = asked;
    BOOST_TEST_CONTEXT(q.action.value_or("-") << " of " << (q.user ? to_string(*q.user) : "-")) {
      BOOST_TEST(audit.list(q).total == static_cast<std::int64_t>(matching));
      q.with_total = false;
      q.limit = 30;
      std::set<std::int64_t> seen;
      for (int pages = 0; pages < 3; ++pages) {
        core::audit_page page;
        BOOST_TEST(reads_of([&] { page = audit.list(q); }) < n / 2);
        BOOST_TEST(page.entries.size() == std::min(matching, seen.size() + 30) - seen.size());
        for (const auto& e : page.entries) {
          BOOST_TEST(seen.insert(e.id).second);
          BOOST_TEST((!q.before || e.id < *q.before));
          BOOST_TEST((!q.action || e.action == *q.action));
          q.before = e.id;
        }
      }
    }
  }
}

// A page of a thousand jobs of ten thousand images would be some hundred megabytes.
BOOST_AUTO_TEST_CASE(a_page_of_long_jobs_is_shorter_than_asked_for) {
  superuser(
      "set session_replication_role = replica;"
      "insert into processing_jobs (id, user_id, mode, status, image_ids, image_filenames, "
      "annotations_snapshot, created_at) select u(31, i), u(1, 1), 'point', 'queued', "
      "array_fill(u(11, 1), array[10000]), array_fill('f'::text, array[10000]), '{}', "
      "now() + i * interval '1 s' from generate_series(1, 25) i");
  storage::job_repository jobs{*pool};
  for (const bool oldest_first : {false, true})
    for (const auto status : {std::optional<core::job_status>{}, {core::job_status::queued}}) {
      core::page_request p;
      p.limit = 2000;
      p.oldest_first = oldest_first;
      std::set<core::job_id> seen;
      std::size_t pages = 0;
      do {
        const auto page = jobs.list_jobs(first, status, p);
        std::size_t images = 0;
        for (const auto& j : page.items) {
          BOOST_TEST(seen.insert(j.id).second);
          images += j.image_ids.size();
        }
        BOOST_TEST(images < 210'000u);
        p.after = page.next;
        ++pages;
      } while (p.after && pages < 100);
      BOOST_TEST(pages == 2u);
      BOOST_TEST(seen.size() == (status ? 25u : 26u + n));
    }
}

BOOST_AUTO_TEST_CASE(the_newest_result_is_found_by_its_image) {
  storage::result_repository results{*pool};
  BOOST_TEST(reads_of([&] {
               for (int i = 1; i <= 20; ++i)
                 BOOST_REQUIRE(
                     results.newest_result(first, {id(11, i)}, core::segmentation_mode::find_all));
             }) < n);
}

BOOST_AUTO_TEST_CASE(one_image_goes_with_its_own_rows) {
  storage::image_repository images{*pool};
  BOOST_TEST(reads_of([&] {
               for (int i = 1; i <= 20; ++i)
                 BOOST_REQUIRE(images.delete_image(first, {id(11, i)}).ok());
             }) < n);
}

BOOST_AUTO_TEST_CASE(a_user_goes_with_all_rows_read_a_few_times) {
  storage::account_repository accounts{*pool};
  BOOST_TEST(reads_of([&] { BOOST_REQUIRE(accounts.delete_user(first).ok()); }) < 30 * n);
  BOOST_TEST(count("select count(*) from processing_results") == 0);
}

// Also with many users, of whom each has a few.
BOOST_AUTO_TEST_CASE(reconcile_reads_each_row_a_few_times) {
  superuser(
      "set session_replication_role = replica;"
      "insert into users (id, email) select u(1, k), k || '@example.org' from generate_series(3, "
      "50) k;"
      "update images set user_id = u(1, 3 + right(id::text, 4)::int % 48) where user_id = u(1, 2);"
      "update processing_jobs set user_id = u(1, 3 + right(id::text, 4)::int % 48) "
      "where user_id = u(1, 2)");
  temporary_folder folder;
  storage::blob_folder blobs{folder.path / "blobs"};
  storage::reconcile_report report;
  std::vector<std::string> drifts;
  BOOST_TEST(reads_of([&] {
               report = storage::reconcile(*pool, blobs, {}, [&](const storage::drift& d) {
                 if (d.what.starts_with("job")) drifts.push_back(d.what);
               });
             }) < 60 * n);
  BOOST_TEST(report.jobs == 2 * n + 1);
  BOOST_TEST(report.images == 2 * n);
  BOOST_TEST(drifts.empty());
}

// A row that goes takes others along by its key: they are found by an index that begins with it.
BOOST_AUTO_TEST_CASE(every_foreign_key_has_an_index) {
  BOOST_TEST(
      count("select count(*) from pg_constraint k where k.contype = 'f' "
            "and k.connamespace = 'public'::regnamespace and not exists (select from pg_index i "
            "where i.indrelid = k.conrelid and i.indpred is null "
            "and i.indkey[0] = any (k.conkey))") == 0);
}

BOOST_AUTO_TEST_SUITE_END()
