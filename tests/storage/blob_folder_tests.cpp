#include "storage/blob_folder.hpp"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <fstream>

using samovar::storage::blob_folder;
namespace fs = std::filesystem;

namespace {

struct folder_fixture {
  fs::path root = fs::temp_directory_path() / ("samovar-blobs-" + std::to_string(::getpid()));
  folder_fixture() { fs::remove_all(root); }
  ~folder_fixture() { fs::remove_all(root); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(blob_folder_suite, folder_fixture)

BOOST_AUTO_TEST_CASE(bytes_and_files_come_back) {
  blob_folder blobs{root};
  BOOST_TEST(blobs.put_bytes("users/a/masks/b.png", "hello").ok());
  BOOST_TEST(blobs.read("users/a/masks/b.png").value() == "hello");
  BOOST_TEST(blobs.size_of("users/a/masks/b.png").value() == 5u);
  BOOST_TEST(blobs.read_range("users/a/masks/b.png", 1, 3).value() == "ell");
  BOOST_TEST(blobs.read_range("users/a/masks/b.png", 9, 3).value() == "");
  const auto spool = blobs.new_spool_file();
  std::ofstream{spool} << "upload";
  BOOST_TEST(blobs.put_file("users/a/images/c.jpg", spool).ok());
  BOOST_TEST(!fs::exists(spool));
  BOOST_TEST(blobs.read("users/a/images/c.jpg").value() == "upload");
  BOOST_TEST(blobs.put_bytes("users/a/masks/b.png", "again").ok());
  BOOST_TEST(blobs.read("users/a/masks/b.png").value() == "again");
  blobs.remove("users/a/masks/b.png");
  blobs.remove("users/a/masks/b.png");
  BOOST_TEST(!blobs.read("users/a/masks/b.png").has_value());
  BOOST_TEST(blobs.free_bytes() > 0u);
}

BOOST_AUTO_TEST_CASE(keys_cannot_leave_the_folder) {
  blob_folder blobs{root};
  for (const char* key :
       {"", "/etc/passwd", "../x", "users/../../x", "users/./x", "users//x", "users/x/",
        "users/a b", "users/.hidden", "users/x\\y", "users/\xc3\xa9"}) {
    BOOST_TEST_CONTEXT(key) {
      BOOST_TEST(!blobs.put_bytes(key, "x").ok());
      BOOST_TEST(!blobs.read(key).has_value());
      BOOST_TEST(!blobs.size_of(key).has_value());
      blobs.remove(key);
    }
  }
  BOOST_TEST(!blob_folder::valid_key(std::string("a\0b", 3)));
  BOOST_TEST(!blob_folder::valid_key(std::string(600, 'a')));
  BOOST_TEST(blob_folder::valid_key("users/0-9/images/a.b.jpg"));
}

BOOST_AUTO_TEST_CASE(stale_spool_files_are_swept_at_start) {
  fs::path left;
  {
    blob_folder blobs{root};
    left = blobs.new_spool_file();
    std::ofstream{left} << "half an upload";
  }
  blob_folder blobs{root};
  BOOST_TEST(!fs::exists(left));
}

BOOST_AUTO_TEST_CASE(a_failed_put_leaves_nothing_half_written) {
  blob_folder blobs{root};
  BOOST_TEST(!blobs.put_file("users/a/x.jpg", root / "spool" / "absent").ok());
  BOOST_TEST(!blobs.read("users/a/x.jpg").has_value());
  BOOST_TEST(blobs.put_bytes("users/file", "x").ok());
  // A folder can't be made where a file is.
  BOOST_TEST(!blobs.put_bytes("users/file/below", "y").ok());
  BOOST_TEST(fs::is_empty(root / "spool"));
}

BOOST_AUTO_TEST_CASE(only_old_blobs_are_visited) {
  blob_folder blobs{root};
  BOOST_TEST(blobs.put_bytes("users/a/masks/old.png", "1").ok());
  BOOST_TEST(blobs.put_bytes("users/a/masks/new.png", "2").ok());
  fs::last_write_time(root / "users/a/masks/old.png",
                      fs::file_time_type::clock::now() - std::chrono::hours(2));
  std::vector<std::string> seen;
  blobs.for_each_older_than(std::chrono::hours(1), [&](const auto& k) { seen.push_back(k); });
  BOOST_TEST(seen == std::vector<std::string>{"users/a/masks/old.png"});
}

BOOST_AUTO_TEST_SUITE_END()
