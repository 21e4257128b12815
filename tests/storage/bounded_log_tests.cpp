#include <fcntl.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>
#include <string>

#include "storage/bounded_log.hpp"

namespace fs = std::filesystem;
using samovar::storage::bound_log;

namespace {

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bounded_log)

BOOST_AUTO_TEST_CASE(a_growing_log_starts_again_under_its_writer) {
  std::string name = (fs::temp_directory_path() / "samovar-log-XXXXXX").string();
  BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
  const fs::path file = fs::path(name) / "pg.log";
  BOOST_TEST(!bound_log(file, 100));  // not there yet
  const int writer = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const auto write = [&](const std::string& line) {
    BOOST_REQUIRE_EQUAL(::write(writer, line.data(), line.size()),
                        static_cast<ssize_t>(line.size()));
  };
  write(std::string(100, 'a'));
  BOOST_TEST(!bound_log(file, 100));
  write("b");
  BOOST_TEST(bound_log(file, 100));
  BOOST_TEST(text_of(file).empty());
  BOOST_TEST(text_of(file.string() + ".1") == std::string(100, 'a') + "b");
  write("next line\n");
  BOOST_TEST(text_of(file) == "next line\n");  // no hole of zeroes before it
  // For as long as it is looked at, the two files together stay bounded.
  for (int i = 0; i < 500; ++i) {
    write(std::string(30, 'c'));
    bound_log(file, 100);
    BOOST_REQUIRE_LE(fs::file_size(file), 130u);
    BOOST_REQUIRE_LE(fs::file_size(file.string() + ".1"), 130u);
  }
  BOOST_TEST(std::distance(fs::directory_iterator(name), fs::directory_iterator()) == 2);
  const auto mode = fs::status(file.string() + ".1").permissions();
  BOOST_TEST(((mode & fs::perms::others_all) == fs::perms::none));
  ::close(writer);
  fs::remove_all(name);
}

BOOST_AUTO_TEST_SUITE_END()
