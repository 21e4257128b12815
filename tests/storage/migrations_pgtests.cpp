#include "storage/migrations.hpp"

#include <thread>

#include "empty_database.hpp"
#include "storage/job_batch.hpp"

using namespace samovar;
using namespace samovar::tests;
using storage::migration;

namespace {

bool names_second(const storage::migration_error& e) {
  return std::string{e.what()}.find("002_second") != std::string::npos;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(migrations, empty_database)

BOOST_AUTO_TEST_CASE(twice_applies_once) {
  const auto all = storage::embedded_migrations();
  BOOST_TEST(all.size() >= 3u);
  BOOST_CHECK_THROW(storage::check_version(app), storage::migration_error);
  BOOST_TEST(storage::migrate(owner) == static_cast<int>(all.size()));
  BOOST_TEST(storage::migrate(owner) == 0);
  storage::check_version(app);
}

// Before a table is analyzed the planner knows nothing; it must not read all of a user's rows for
// one.
BOOST_AUTO_TEST_CASE(a_new_database_finds_rows_by_their_keys) {
  storage::migrate(owner);
  storage::connection c(app);
  for (const auto& s : storage::batch_statements()) c.prepare(s);
  const std::string id = "'00000000-0000-7000-8000-000000000001'";
  // What PostgreSQL itself asks for a foreign key, and the statements that touch rows by their ids.
  for (const std::string table : {"images", "processing_jobs"})
    c.exec("prepare key_of_" + table + " (uuid, uuid) as select 1 from only " + table +
           " x where id = $1 and user_id = $2 for key share of x");
  for (const auto& call : {
           "key_of_images(" + id + ", " + id + ")",
           "key_of_processing_jobs(" + id + ", " + id + ")",
           "batch_lock_jobs(" + id + ", '{}', '{}')",
           "batch_lock_images(" + id + ", '{}')",
           "batch_read_for_jobs(" + id + ", '{}')",
           "batch_insert_jobs(" + id + ", 1, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', " +
               "'{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
           "batch_insert_results(" + id + ", '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', " +
               "'{}', '{}', '{}', '{}')",
           "batch_update_jobs(" + id +
               ", 1, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
       }) {
    std::string plan;
    for (const auto& row : c.exec("explain (costs off) execute " + call))
      plan += std::string{row[0].c_str()} + "\n";
    for (const char* of_a_user : {"ix_jobs_user", "ix_images_user", "ix_results_user", "Seq Scan"})
      BOOST_TEST(plan.find(of_a_user) == std::string::npos, call << "\n" << plan);
  }
}

BOOST_AUTO_TEST_CASE(at_once_from_several_servers) {
  std::atomic<int> applied{0}, failed{0};
  std::vector<std::thread> servers;
  for (int i = 0; i < 4; ++i)
    servers.emplace_back([&] {
      try {
        applied += storage::migrate(owner);
      } catch (const std::exception& e) {
        BOOST_TEST_MESSAGE(e.what());
        ++failed;
      }
    });
  for (auto& s : servers) s.join();
  BOOST_TEST(failed == 0);
  BOOST_TEST(applied == static_cast<int>(storage::embedded_migrations().size()));
}

BOOST_AUTO_TEST_CASE(a_failed_one_rolls_back_and_names_itself) {
  const std::vector<migration> broken = {
      {1, "001_first", "create table first (x integer)"},
      {2, "002_second", "create table second (x integer); select 1 / 0"}};
  BOOST_CHECK_EXCEPTION(storage::migrate(owner, broken), storage::migration_error, names_second);
  BOOST_TEST(count("select count(*) from pg_class where relname in ('first', 'second')") == 1);
  const std::vector<migration> repaired = {{1, "001_first", "create table first (x integer)"},
                                           {2, "002_second", "create table second (x integer)"}};
  BOOST_TEST(storage::migrate(owner, repaired) == 1);
  // Newer than a program that knows only the first; changed since it was applied.
  BOOST_CHECK_THROW(storage::migrate(owner, std::span{repaired}.first(1)),
                    storage::migration_error);
  BOOST_CHECK_THROW(storage::check_version(app, std::span{repaired}.first(1)),
                    storage::migration_error);
  BOOST_CHECK_EXCEPTION(storage::migrate(owner, broken), storage::migration_error, names_second);
}

BOOST_AUTO_TEST_CASE(numbers_may_leave_gaps_that_are_filled_later) {
  const migration first{1, "001_first", "create table first (x integer)"};
  const migration second{2, "002_second", "create table second (x integer)"};
  const migration third{3, "003_third", "create table third (x integer)"};
  const std::vector<migration> with_gap = {first, third}, whole = {first, second, third};
  BOOST_TEST(storage::migrate(owner, with_gap) == 2);
  storage::check_version(app, with_gap);
  BOOST_CHECK_THROW(storage::check_version(app, whole), storage::migration_error);
  BOOST_TEST(storage::migrate(owner, whole) == 1);
  storage::check_version(app, whole);
}

BOOST_AUTO_TEST_CASE(an_unprepared_database_is_refused_with_advice) {
  const auto nowhere = "host='" + (cluster().folder.path / "absent").string() + "' dbname=x user=x";
  BOOST_CHECK_THROW(storage::migrate(nowhere), core::store_unavailable);
  const auto as_app = app;
  BOOST_CHECK_THROW(storage::migrate(as_app), storage::migration_error);
}

BOOST_AUTO_TEST_SUITE_END()
