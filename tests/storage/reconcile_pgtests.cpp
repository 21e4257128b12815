// Quotas under threads, and reconcile: no drift where all is well, each kind of drift found, and
// set right where nothing is lost by it.
#include <thread>

#include "cluster_fixture.hpp"
#include "storage/reconcile.hpp"
#include "storage/sweeper.hpp"

using namespace samovar;
using namespace samovar::tests;

namespace {

struct furnished {
  storage::pool& pool = *cluster().db.connections;
  storage::account_repository accounts{pool};
  storage::image_repository images{pool};
  temporary_folder folder;
  storage::blob_folder blobs{folder.path / "blobs"};
  core::user_id user = make_user();
  std::string email = core::to_string(user) + "@example.org";
  std::vector<core::image> mine;
  core::job_id job;

  furnished() {
    for (int i = 0; i < 3; ++i) {
      mine.push_back(make_image(user));
      BOOST_REQUIRE(blobs.put_bytes(mine.back().blob_path, std::string(1000, 'x')).ok());
      BOOST_REQUIRE(images.insert_image(user, mine.back()).ok());
    }
    storage::postgres_job_log log{cluster().db.app_conninfo};
    log.begin_epoch();
    auto c = job_for(user, {mine[0].id, mine[1].id, mine[2].id});
    c.force_all = true;
    job = c.id;
    const std::vector<core::write_command> batch = {
        c, core::record_result{user, job, result_for(user, job, mine[0].id)},
        core::record_failure{user, job, mine[1].id, 1, "broken", next_time()},
        core::record_result{user, job, result_for(user, job, mine[2].id)}};
    for (const auto& o : log.commit(batch)) BOOST_REQUIRE(o.ok());
  }

  void superuser(const std::string& sql) {
    pqxx::connection c{cluster().db.embedded->superuser_conninfo()};
    pqxx::work t{c};
    t.exec("set local session_replication_role = replica");
    t.exec(sql);
    t.commit();
  }
  std::string literal(const core::uuid& id) { return "'" + core::to_string(id) + "'"; }

  /// What is said of this user's things: other tests' images have no blobs.
  std::vector<storage::drift> drifts(bool fix = false) {
    std::vector<storage::drift> out;
    storage::reconcile_options o;
    o.fix = fix;
    o.grace = std::chrono::seconds(0);
    storage::reconcile(pool, blobs, o, [&](const storage::drift& d) {
      if (d.what.find(core::to_string(user)) != std::string::npos) out.push_back(d);
    });
    return out;
  }
  /// Found as one drift with this text; set right by fixing when it can be; then gone.
  void expect_one(const std::string& text, bool fixable) {
    BOOST_TEST_CONTEXT(text) {
      auto found = drifts();
      BOOST_REQUIRE_EQUAL(found.size(), 1u);
      BOOST_TEST(found[0].what.find(text) != std::string::npos, found[0].what);
      BOOST_TEST(!found[0].fixed);
      found = drifts(true);
      BOOST_REQUIRE_EQUAL(found.size(), 1u);
      BOOST_TEST(found[0].fixed == fixable);
      if (fixable) BOOST_TEST(drifts().empty());
    }
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(reconcile, furnished)

BOOST_AUTO_TEST_CASE(nothing_is_said_where_all_is_well) {
  BOOST_TEST(drifts().empty());
  // Deleting an image takes its results along and leaves the job's counts: no drift, before the
  // sweeper comes and after it.
  BOOST_REQUIRE(images.delete_image(user, mine[0].id).ok());
  BOOST_TEST(drifts().empty());
  storage::sweep_outbox(pool, blobs);
  BOOST_TEST(drifts().empty());
  BOOST_TEST(!blobs.size_of(mine[0].blob_path));
}

BOOST_AUTO_TEST_CASE(counters) {
  superuser("update users set image_count = image_count + 1 where id = " + literal(user.value));
  expect_one("has image_count 4 and 3 images", true);
  superuser("update users set storage_bytes = 5 where id = " + literal(user.value));
  expect_one("storage_bytes 5 and 3000", true);
  const auto u = accounts.find_user(user).value();
  BOOST_TEST(u.image_count == 3);
  BOOST_TEST(u.storage_bytes == 3000);
}

BOOST_AUTO_TEST_CASE(jobs) {
  const auto where = " where id = " + literal(job.value);
  superuser("update processing_jobs set failed_count = 0" + where);
  expect_one("failed_count 0; results 2, failures 1", true);
  superuser("update processing_jobs set current_index = 2" + where);
  expect_one("current_index 2", true);
  superuser("update processing_jobs set completed_at = null" + where);
  expect_one("not ended", true);
  superuser("delete from processing_results where job_id = " + literal(job.value) +
            " and image_id = " + literal(mine[0].id.value));
  expect_one("results 1", false);
}

BOOST_AUTO_TEST_CASE(a_result_and_a_failure_of_one_image) {
  superuser("insert into job_image_failures (job_id, image_id, user_id, error) values (" +
            literal(job.value) + ", " + literal(mine[0].id.value) + ", " + literal(user.value) +
            ", 'e')");
  expect_one("both 1", false);
}

BOOST_AUTO_TEST_CASE(an_image_without_its_blob) {
  blobs.remove(mine[1].blob_path);
  expect_one("has no blob", false);
}

BOOST_AUTO_TEST_CASE(an_image_with_a_cut_blob) {
  BOOST_REQUIRE(blobs.put_bytes(mine[1].blob_path, "short").ok());
  expect_one("has a blob of 5 bytes instead of 1000", false);
}

BOOST_AUTO_TEST_CASE(a_blob_without_a_row) {
  const auto key = "users/" + core::to_string(user) + "/images/" +
                   core::to_string(fresh<core::image_id>()) + ".png";
  BOOST_REQUIRE(blobs.put_bytes(key, "left over").ok());
  expect_one("belongs to no row", true);
  BOOST_TEST(!blobs.size_of(key));
  // Young blobs belong to uploads under way.
  BOOST_REQUIRE(blobs.put_bytes(key, "arriving").ok());
  std::size_t said = 0;
  storage::reconcile(pool, blobs, {}, [&](const storage::drift& d) {
    if (d.what.find(key) != std::string::npos) ++said;
  });
  BOOST_TEST(said == 0u);
}

BOOST_AUTO_TEST_CASE(an_outbox_entry_for_a_blob_in_use) {
  superuser("insert into blob_deletions (user_id, blob_path) values (" + literal(user.value) +
            ", '" + mine[0].blob_path + "')");
  expect_one("is to be deleted and an image needs it", true);
  storage::sweep_outbox(pool, blobs);
  BOOST_TEST(blobs.size_of(mine[0].blob_path).has_value());
}

BOOST_AUTO_TEST_CASE(a_hundred_uploads_at_the_edge_of_the_storage) {
  superuser("update users set max_storage_mb = 1 where id = " + literal(user.value));
  std::atomic<std::int64_t> admitted{0}, refused{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 10; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        const auto s = images.insert_image(user, make_image(user, 30'000));
        if (s.ok())
          ++admitted;
        else if (s.failure().code == core::error_code::storage_quota_reached)
          ++refused;
      }
    });
  for (auto& t : threads) t.join();
  BOOST_TEST(admitted == (1'048'576 - 3000) / 30'000);
  BOOST_TEST(refused == 100 - admitted);
  const auto u = accounts.find_user(user).value();
  BOOST_TEST(u.image_count == 3 + admitted);
  BOOST_TEST(u.storage_bytes == 3000 + 30'000 * admitted);
}

BOOST_AUTO_TEST_CASE(ten_threads_deleting_give_back_once) {
  std::atomic<int> deleted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 10; ++t)
    threads.emplace_back([&] {
      for (const auto& i : mine)
        if (images.delete_image(user, i.id).ok()) ++deleted;
    });
  for (auto& t : threads) t.join();
  BOOST_TEST(deleted == 3);
  const auto u = accounts.find_user(user).value();
  BOOST_TEST(u.image_count == 0);
  BOOST_TEST(u.storage_bytes == 0);
}

BOOST_AUTO_TEST_SUITE_END()
