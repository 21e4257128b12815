#include "core/rle.hpp"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

using namespace samovar::core;

namespace {

std::vector<std::uint8_t> rows_to_pixels(const nlohmann::json& rows) {
  std::vector<std::uint8_t> out;
  for (const auto& row : rows)
    for (const char c : row.get<std::string>()) out.push_back(c == '1');
  return out;
}

std::vector<std::uint8_t> random_mask(std::mt19937& random, int height, int width, double density) {
  std::bernoulli_distribution set(density);
  std::vector<std::uint8_t> out(static_cast<std::size_t>(height) * static_cast<std::size_t>(width));
  for (auto& p : out) p = set(random);
  return out;
}

// The plainest possible encoder: walks columns pixel by pixel.
std::vector<std::uint32_t> naive_counts(const std::vector<std::uint8_t>& m, int height, int width) {
  std::vector<std::uint32_t> counts{0};
  bool value = false;
  for (int x = 0; x < width; ++x)
    for (int y = 0; y < height; ++y) {
      const bool now = m[static_cast<std::size_t>(y * width + x)] != 0;
      if (now != value) {
        counts.push_back(0);
        value = now;
      }
      ++counts.back();
    }
  return counts;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(rle_tests)

BOOST_AUTO_TEST_CASE(reference_vectors_match_both_ways) {
  std::ifstream file(SAMOVAR_SOURCE_DIR "/tests/golden/rle-vectors.json");
  BOOST_REQUIRE(file.good());
  const auto vectors = nlohmann::json::parse(file);
  BOOST_REQUIRE_GT(vectors.size(), 20u);
  for (const auto& v : vectors) {
    BOOST_TEST_CONTEXT(v["name"].get<std::string>()) {
      const int height = v["size"][0], width = v["size"][1];
      const auto pixels = rows_to_pixels(v["rows"]);
      const auto mask = encode_rle(pixels, height, width, static_cast<std::size_t>(width));
      BOOST_TEST(mask.counts == v["uncompressed"].get<std::vector<std::uint32_t>>(),
                 boost::test_tools::per_element());
      BOOST_TEST(to_coco_string(mask) == v["counts"].get<std::string>());
      const auto back = from_coco_string(v["counts"].get<std::string>(), height, width);
      BOOST_REQUIRE(back.has_value());
      BOOST_TEST((*back == mask));
      BOOST_TEST(decode_rle(*back, 1) == pixels, boost::test_tools::per_element());
      BOOST_TEST(rle_area(mask) == v["area"].get<std::uint64_t>());
      const auto b = rle_bounds(mask);
      const std::vector<int> bounds{b.x, b.y, b.width, b.height};
      BOOST_TEST(bounds == v["bbox"].get<std::vector<int>>(), boost::test_tools::per_element());
    }
  }
}

BOOST_AUTO_TEST_CASE(random_masks_survive_every_way) {
  std::mt19937 random(7);
  for (int round = 0; round < 400; ++round) {
    const int height = std::uniform_int_distribution(1, 150)(random);
    const int width = std::uniform_int_distribution(1, 150)(random);
    const auto pixels =
        random_mask(random, height, width, std::uniform_real_distribution(0.0, 1.0)(random));
    const auto mask = encode_rle(pixels, height, width, static_cast<std::size_t>(width));
    BOOST_REQUIRE(mask.counts == naive_counts(pixels, height, width));
    BOOST_REQUIRE(decode_rle(mask, 1) == pixels);
    const auto back = from_coco_string(to_coco_string(mask), height, width);
    BOOST_REQUIRE(back && *back == mask);
    BOOST_REQUIRE(from_counts(mask.counts, height, width) == mask);
  }
}

BOOST_AUTO_TEST_CASE(union_is_pixelwise_or) {
  std::mt19937 random(11);
  for (int round = 0; round < 100; ++round) {
    const int height = std::uniform_int_distribution(1, 40)(random);
    const int width = std::uniform_int_distribution(1, 40)(random);
    std::vector<rle> masks;
    std::vector<std::uint8_t> expected(static_cast<std::size_t>(height * width), 0);
    for (int i = 0; i < 4; ++i) {
      const auto p = random_mask(random, height, width, 0.2);
      for (std::size_t k = 0; k < p.size(); ++k) expected[k] |= p[k];
      masks.push_back(encode_rle(p, height, width, static_cast<std::size_t>(width)));
    }
    BOOST_REQUIRE(decode_rle(rle_union(masks), 1) == expected);
  }
}

BOOST_AUTO_TEST_CASE(hostile_strings_are_refused) {
  BOOST_TEST(!from_coco_string("zzz", 3, 3).has_value());            // never ends
  BOOST_TEST(!from_coco_string("9", 3, 4).has_value());              // sum too small
  BOOST_TEST(!from_coco_string("11111111", 2, 2).has_value());       // sum too large
  BOOST_TEST(!from_coco_string("\x01", 1, 1).has_value());           // not in the alphabet
  BOOST_TEST(!from_coco_string("oooooooooooo0", 9, 9).has_value());  // overflow
  BOOST_TEST(!from_coco_string("O", 1, 1).has_value());              // negative count
  BOOST_TEST(!from_coco_string("1", -1, 1).has_value());
  std::mt19937 random(3);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (int i = std::uniform_int_distribution(0, 12)(random); i > 0; --i)
      text.push_back(static_cast<char>(std::uniform_int_distribution(40, 120)(random)));
    if (const auto mask = from_coco_string(text, 5, 7)) {
      std::uint64_t sum = 0;
      for (const auto c : mask->counts) sum += c;
      BOOST_REQUIRE_EQUAL(sum, 35u);
    }
  }
}

BOOST_AUTO_TEST_CASE(stride_is_respected) {
  const std::vector<std::uint8_t> padded{1, 0, 9, 9, 0, 1, 9, 9};
  const auto mask = encode_rle(padded, 2, 2, 4);
  BOOST_TEST(decode_rle(mask, 1) == (std::vector<std::uint8_t>{1, 0, 0, 1}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
