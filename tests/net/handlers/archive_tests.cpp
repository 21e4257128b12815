#include <boost/test/unit_test.hpp>

#include "fakes.hpp"
#include "net/handlers/zip.hpp"

using namespace samovar;
using namespace samovar::net::testing;

namespace {

std::uint32_t number(const std::string& bytes, std::size_t at, int count) {
  std::uint32_t n = 0;
  for (int i = count; i-- > 0;)
    n = (n << 8) | static_cast<unsigned char>(bytes.at(at + static_cast<std::size_t>(i)));
  return n;
}

/// Reads an archive through its central directory, as programs do, and checks every checksum.
std::map<std::string, std::string> unzip(const std::string& z) {
  std::map<std::string, std::string> files;
  const auto end = z.size() - 22;
  BOOST_REQUIRE_EQUAL(number(z, end, 4), 0x06054B50u);
  const auto count = number(z, end + 10, 2);
  std::size_t at = number(z, end + 16, 4);
  BOOST_TEST(at + number(z, end + 12, 4) == end);
  for (std::uint32_t i = 0; i < count; ++i) {
    BOOST_REQUIRE_EQUAL(number(z, at, 4), 0x02014B50u);
    const auto crc = number(z, at + 16, 4), size = number(z, at + 24, 4);
    const auto name_size = number(z, at + 28, 2);
    const std::size_t local = number(z, at + 42, 4);
    const auto name = z.substr(at + 46, name_size);
    BOOST_REQUIRE_EQUAL(number(z, local, 4), 0x04034B50u);
    BOOST_TEST(z.substr(local + 30, name_size) == name);
    const auto bytes = z.substr(local + 30 + name_size, size);
    BOOST_TEST(net::crc32(bytes) == crc);
    BOOST_TEST(files.emplace(name, bytes).second);
    at += 46 + name_size;
  }
  return files;
}

const auto find_all = core::segmentation_mode::find_all;

}  // namespace

BOOST_AUTO_TEST_SUITE(archives)

BOOST_AUTO_TEST_CASE(the_checksum_is_the_usual_one) {
  BOOST_TEST(net::crc32("") == 0u);
  BOOST_TEST(net::crc32("123456789") == 0xCBF43926u);
}

BOOST_AUTO_TEST_CASE(an_archive_comes_back) {
  net::zip_writer zip;
  std::string z = zip.add("a.txt", "hello");
  z += zip.add("ordner/ä.bin", std::string("\0\xFF", 2));
  z += zip.add("empty", "");
  z += zip.finish();
  const auto files = unzip(z);
  BOOST_TEST(files.size() == 3u);
  BOOST_TEST(files.at("a.txt") == "hello");
  BOOST_TEST(files.at("ordner/ä.bin").size() == 2u);
  BOOST_TEST(unzip(net::zip_writer().finish()).empty());
}

BOOST_AUTO_TEST_CASE(masks_of_many_images) {
  world w;
  const auto mask = mask_of({"##..", "##.."});
  for (const char* name : {"cat.png", "cat.jpg", "dog.png"})
    w.add_result(w.add_image(w.me, name, {4, 2}), find_all, {core::make_detection(mask, 1)});
  w.add_image(w.me, "unprocessed.png");
  const auto a = w.call("GET", "/api/v1/exports/masks?mode=find_all");
  BOOST_TEST(a.type == "application/zip");
  BOOST_TEST(a.headers.at("Content-Disposition") == "attachment; filename=\"find_all_masks.zip\"");
  const auto files = unzip(a.body);
  BOOST_REQUIRE_EQUAL(files.size(), 3u);
  for (const char* name : {"cat.png", "cat_2.png", "dog.png"})
    BOOST_TEST(files.at(name).starts_with("PNG 4x2 \xFF\xFF"));
  BOOST_TEST(unzip(w.call("GET", "/api/v1/exports/masks").body).empty());
  BOOST_TEST(w.call("GET", "/api/v1/exports/masks?image_ids=x").status == 422);
}

BOOST_AUTO_TEST_CASE(yolo_labels) {
  world w;
  auto r = w.add_result(w.add_image(w.me, "a.png", {4, 2}), find_all,
                        {core::make_detection(mask_of({"##..", "##.."}), 1),
                         core::make_detection(mask_of({"...#", "...."}), 1)});
  w.results.rows.back().prompts.text = "a \"cat\"";
  w.add_result(w.add_image(w.me, "b.png", {4, 2}), find_all, {});
  const auto files = unzip(w.call("GET", "/api/v1/exports/yolo?mode=find_all").body);
  BOOST_REQUIRE_EQUAL(files.size(), 3u);
  BOOST_TEST(files.at("labels/a.txt") == "0 0 0 0.5 0 0.5 1 0 1\n0 0.75 0 1 0 1 0.5 0.75 0.5\n");
  BOOST_TEST(files.at("labels/b.txt").empty());
  BOOST_TEST(files.at("data.yaml") ==
             "path: .\ntrain: images\nval: images\nnames:\n  0: \"a \\\"cat\\\"\"\n  1: "
             "\"object\"\n");
}

BOOST_AUTO_TEST_SUITE_END()
