#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "storage/unit_journal_file.hpp"
#include "tests/actors/fakes.hpp"

using namespace samovar;
using samovar::testing::numbered;
using storage::unit_journal_file;

namespace {

struct journal_folder {
  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("samovar-journal-" + std::to_string(::getpid()));
  std::filesystem::path file = folder / "units_at_work";
  core::job_id job = numbered<core::job_id>(1), other = numbered<core::job_id>(2);
  core::image_id image = numbered<core::image_id>(3);
  journal_folder() { std::filesystem::create_directories(folder); }
  ~journal_folder() { std::filesystem::remove_all(folder); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(unit_journal_tests, journal_folder)

BOOST_AUTO_TEST_CASE(a_unit_at_work_when_the_server_died_counts_and_one_that_ended_does_not) {
  for (int death = 1; death <= 3; ++death) {
    unit_journal_file j(file);
    BOOST_TEST(j.deaths(job, image) == death - 1);
    BOOST_TEST(j.deaths(other, image) == 0);
    j.begin(other, image);
    j.end(other, image);
    j.begin(job, image);
  }
  unit_journal_file j(file);
  BOOST_TEST(j.deaths(job, image) == 3);
  j.end(job, image);  // given up
  BOOST_TEST(j.deaths(job, image) == 0);
  BOOST_TEST(unit_journal_file(file).deaths(job, image) == 0);
}

BOOST_AUTO_TEST_CASE(deaths_stay_while_the_unit_waits_for_its_next_try) {
  unit_journal_file(file).begin(job, image);
  for (int start = 0; start < 5; ++start)
    BOOST_TEST(unit_journal_file(file).deaths(job, image) == 1);
}

BOOST_AUTO_TEST_CASE(garbage_is_dropped) {
  std::ofstream(file) << std::string(1000, 'R') << "R not a record\n";
  unit_journal_file j(file);
  j.begin(job, image);
  BOOST_TEST(unit_journal_file(file).deaths(job, image) == 1);
}

BOOST_AUTO_TEST_CASE(more_than_fits_is_not_remembered_and_hurts_nobody) {
  {
    unit_journal_file j(file);
    for (int i = 0; i < 2000; ++i) j.begin(job, numbered<core::image_id>(i));
    j.end(job, numbered<core::image_id>(7));
    j.begin(job, numbered<core::image_id>(1999));
  }
  unit_journal_file j(file);
  BOOST_TEST(j.deaths(job, numbered<core::image_id>(7)) == 0);
  BOOST_TEST(j.deaths(job, numbered<core::image_id>(8)) == 1);
  BOOST_TEST(j.deaths(job, numbered<core::image_id>(1998)) == 0);
  BOOST_TEST(j.deaths(job, numbered<core::image_id>(1999)) == 1);
  BOOST_TEST(std::filesystem::file_size(file) <= 80u * 1024u);
}

BOOST_AUTO_TEST_SUITE_END()
