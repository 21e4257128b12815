#include "storage/backup_archive.hpp"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <map>

#include "storage/backup_manifest.hpp"

using namespace samovar;
namespace fs = std::filesystem;

namespace {

struct folder {
  fs::path path = fs::temp_directory_path() / ("samovar-archive-" + std::to_string(::getpid()));
  fs::path file = path / "a.backup";
  folder() { fs::create_directories(path); }
  ~folder() { fs::remove_all(path); }

  void write() {
    storage::backup_writer w{file};
    w.add("blobs/users/x/images/1.png", "picture");
    w.add("empty", "");
    w.add("large", std::string(3'000'000, 'x'));
    w.finish();
    BOOST_TEST(w.bytes() == fs::file_size(file));
  }
  std::map<std::string, std::string> read() {
    std::map<std::string, std::string> members;
    std::string text;
    storage::read_backup(
        file,
        [&](const std::string&, std::uint64_t) -> storage::backup_sink {
          text.clear();
          return [&](std::string_view bytes) { text += bytes; };
        },
        [&](const std::string& name) { members[name] = text; });
    return members;
  }
  std::string bytes() {
    std::ifstream in{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  void put(const std::string& bytes) {
    std::ofstream{file, std::ios::binary | std::ios::trunc} << bytes;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(backup_archive_tests, folder)

BOOST_AUTO_TEST_CASE(what_is_written_is_read) {
  write();
  const auto members = read();
  BOOST_TEST(members.size() == 3u);
  BOOST_TEST(members.at("blobs/users/x/images/1.png") == "picture");
  BOOST_TEST(members.at("empty").empty());
  BOOST_TEST(members.at("large").size() == 3'000'000u);
  const auto mode = fs::status(file).permissions() & fs::perms::all;
  BOOST_TEST((mode == (fs::perms::owner_read | fs::perms::owner_write)));
}

BOOST_AUTO_TEST_CASE(every_truncation_and_every_changed_byte_is_noticed) {
  {
    storage::backup_writer w{file};
    w.add("a", "picture");
    w.finish();
  }
  const auto whole = bytes();
  read();
  for (std::size_t n = 0; n < whole.size(); n += 37) {
    put(whole.substr(0, n));
    BOOST_CHECK_THROW(read(), storage::backup_error);
    auto changed = whole;
    changed[n] = static_cast<char>(changed[n] ^ 0x20);
    put(changed);
    BOOST_CHECK_THROW(read(), storage::backup_error);
  }
  put(whole + "x");
  BOOST_CHECK_THROW(read(), storage::backup_error);
  put("");
  BOOST_CHECK_THROW(read(), storage::backup_error);
}

BOOST_AUTO_TEST_CASE(a_member_that_shrinks_while_it_is_read_is_an_error) {
  storage::backup_writer w{file};
  BOOST_CHECK_THROW(
      w.add("a", 10,
            [](std::uint64_t at, std::size_t) { return std::string(at == 0 ? 4 : 0, 'x'); }),
      storage::backup_error);
}

BOOST_AUTO_TEST_CASE(two_writers_do_not_share_a_file) {
  storage::backup_writer w{file};
  BOOST_CHECK_THROW(storage::backup_writer{file}, storage::backup_error);
}

BOOST_AUTO_TEST_CASE(manifest_and_digests_come_back) {
  storage::backup_manifest m;
  m.schema = 7;
  m.rows = {{"images", 3}};
  m.missing = {"users/x/images/2.png"};
  m.sums_sha256 = std::string(64, 'a');
  const auto again = storage::read_manifest(storage::manifest_text(m));
  BOOST_TEST(again.schema == 7);
  BOOST_TEST(again.rows.at("images") == 3);
  BOOST_TEST(again.missing.front() == "users/x/images/2.png");
  BOOST_CHECK_THROW(storage::read_manifest("{}"), storage::backup_error);
  auto newer = storage::manifest_text(m);
  newer.replace(newer.find("\"format\": 1"), 11, "\"format\": 2");
  BOOST_CHECK_THROW(storage::read_manifest(newer), storage::backup_error);
  const storage::backup_sums sums = {{"a b", std::string(64, 'b')}, {"c", std::string(64, 'c')}};
  BOOST_TEST((storage::read_sums(storage::sums_text(sums)) == sums));
  BOOST_CHECK_THROW(storage::read_sums("short\n"), storage::backup_error);
}

BOOST_AUTO_TEST_SUITE_END()
