#include <boost/test/unit_test.hpp>

#include "fakes.hpp"
#include "net/handlers/zip.hpp"

using namespace samovar;
using namespace samovar::net::testing;

namespace {

std::uint64_t number(const std::string& bytes, std::size_t at, int count) {
  std::uint64_t n = 0;
  for (int i = count; i-- > 0;)
    n = (n << 8) | static_cast<unsigned char>(bytes.at(at + static_cast<std::size_t>(i)));
  return n;
}

/// Reads an archive through its central directory, as programs do, and checks every checksum.
/// `before`: bytes of the stream that stand before `z`.
std::map<std::string, std::string> unzip(const std::string& z, std::uint64_t before = 0) {
  std::map<std::string, std::string> files;
  auto end = z.size() - 22;
  BOOST_REQUIRE_EQUAL(number(z, end, 4), 0x06054B50u);
  auto count = number(z, end + 10, 2), size = number(z, end + 12, 4), at = number(z, end + 16, 4);
  BOOST_REQUIRE_EQUAL(number(z, end + 8, 2), count);
  if (count == 0xFFFF || at == 0xFFFFFFFF) {
    BOOST_REQUIRE_EQUAL(number(z, end - 20, 4), 0x07064B50u);
    end = number(z, end - 12, 8) - before;
    BOOST_REQUIRE_EQUAL(number(z, end, 4), 0x06064B50u);
    BOOST_REQUIRE_EQUAL(number(z, end + 4, 8), 44u);
    count = number(z, end + 32, 8);
    size = number(z, end + 40, 8);
    at = number(z, end + 48, 8);
  }
  at -= before;
  BOOST_TEST(at + size == end);
  for (std::uint64_t i = 0; i < count; ++i) {
    BOOST_REQUIRE_EQUAL(number(z, at, 4), 0x02014B50u);
    const auto crc = number(z, at + 16, 4), length = number(z, at + 24, 4);
    const auto name_size = number(z, at + 28, 2), extra = number(z, at + 30, 2);
    auto local = number(z, at + 42, 4);
    const auto name = z.substr(at + 46, name_size);
    at += 46 + name_size;
    if (local == 0xFFFFFFFF) {
      BOOST_REQUIRE_EQUAL(number(z, at, 4), 0x00080001u);
      local = number(z, at + 4, 8);
    }
    at += extra;
    local -= before;
    BOOST_REQUIRE_EQUAL(number(z, local, 4), 0x04034B50u);
    if (z.substr(local + 30, name_size) != name) BOOST_ERROR("another name in the file's header");
    const auto bytes = z.substr(local + 30 + name_size, length);
    if (net::crc32(bytes) != crc) BOOST_ERROR("a wrong checksum");
    BOOST_REQUIRE(files.emplace(name, bytes).second);
  }
  BOOST_TEST(at == end);
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

BOOST_AUTO_TEST_CASE(large_archives_come_back) {
  for (const int count : {0xFFFE, 0xFFFF, 0x10000, 70000}) {
    net::zip_writer zip;
    std::string z;
    for (int i = 0; i < count; ++i) z += zip.add(std::to_string(i), std::to_string(7 * i));
    z += zip.finish();
    const auto files = unzip(z);
    BOOST_TEST(files.size() == static_cast<std::size_t>(count));
    BOOST_TEST(files.at(std::to_string(count - 1)) == std::to_string(7 * (count - 1)));
  }
  for (const std::uint64_t before : {0xFFFFFF00ULL, 0xFFFFFFFFULL, 0x123456789AULL}) {
    net::zip_writer zip(before);
    std::string z = zip.add("a", std::string(200, 'a'));
    z += zip.add("b", "bb");
    z += zip.finish();
    BOOST_TEST(unzip(z, before).at("b") == "bb");
  }
}

// So many that looking for a free name must not begin anew each time.
BOOST_AUTO_TEST_CASE(images_of_one_name) {
  world w;
  w.add_result(w.add_image(w.me, "frame_3.png"), find_all, {});
  for (int i = 0; i < 1500; ++i) w.add_result(w.add_image(w.me, "frame.png"), find_all, {});
  const auto files = unzip(w.call("GET", "/api/v1/exports/yolo?mode=find_all").body);
  BOOST_TEST(files.size() == 1502u);
  for (const char* name : {"frame", "frame_2", "frame_3", "frame_4", "frame_1501"})
    BOOST_TEST(files.count("labels/" + std::string{name} + ".txt") == 1u);
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
