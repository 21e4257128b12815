// Replays a target's corpus and seeded mutations of it, without any fuzzer: an ordinary test.
#define BOOST_TEST_MODULE fuzz
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include "tests/fuzz/target.hpp"

namespace {

namespace fs = std::filesystem;

constexpr int mutations = 20'000;
constexpr std::size_t input_bytes_max = 64 * 1024;

std::vector<std::pair<std::string, std::string>> read_corpus() {
  const fs::path folder =
      fs::path(SAMOVAR_SOURCE_DIR) / "tests/fuzz/corpus" / samovar::fuzz::target_name;
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& entry : fs::directory_iterator(folder)) {
    std::ifstream in(entry.path(), std::ios::binary);
    out.emplace_back(entry.path().filename().string(),
                     std::string{std::istreambuf_iterator<char>(in), {}});
  }
  std::sort(out.begin(), out.end());  // the same order everywhere
  return out;
}

std::string in_hex(std::string_view bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes.substr(0, 2000)) {
    out.push_back(digits[static_cast<unsigned char>(c) >> 4]);
    out.push_back(digits[static_cast<unsigned char>(c) & 15]);
  }
  return out;
}

/// True when the target kept its promises.
bool good(const std::string& bytes, const std::string& what) {
  try {
    samovar::fuzz::run_target(bytes);
    return true;
  } catch (const std::exception& e) {
    BOOST_TEST_MESSAGE(what << ": " << e.what() << "; input " << in_hex(bytes));
    return false;
  }
}

/// A change such as a fuzzer makes.
void mutate(std::string& s, const std::string& other, std::mt19937_64& random) {
  static constexpr unsigned char telling[] = {0,    1,    0x0a, 0x0d, ' ',  '"', '%',
                                              ',',  ':',  ';',  '=',  '[',  '{', 0x7f,
                                              0x80, 0xc3, 0xed, 0xf4, 0xfe, 0xff};
  const auto below = [&](std::size_t n) { return n == 0 ? 0 : random() % n; };
  const std::size_t at = below(s.size() + 1);
  switch (below(8)) {
    case 0:
      if (!s.empty()) s[below(s.size())] ^= static_cast<char>(1U << below(8));
      break;
    case 1:
      if (!s.empty()) s[below(s.size())] = static_cast<char>(random());
      break;
    case 2: s.insert(at, 1, static_cast<char>(telling[below(sizeof telling)])); break;
    case 3: s.erase(at, 1 + below(16)); break;
    case 4: s.resize(at); break;
    case 5: s.insert(at, s.substr(below(s.size() + 1), below(64))); break;
    case 6: s = s.substr(0, at) + other.substr(below(other.size() + 1)); break;
    default: s.insert(at, 1 + below(300), static_cast<char>(telling[below(sizeof telling)]));
  }
  if (s.size() > input_bytes_max) s.resize(input_bytes_max);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(fuzz_replay)

BOOST_AUTO_TEST_CASE(the_corpus) {
  const auto corpus = read_corpus();
  BOOST_REQUIRE_GE(corpus.size(), 3u);
  for (const auto& [name, bytes] : corpus) BOOST_TEST(good(bytes, name), name);
  BOOST_TEST(good("", "nothing"));
}

BOOST_AUTO_TEST_CASE(seeded_mutations) {
  const auto corpus = read_corpus();
  std::mt19937_64 random(20'261'127);
  int bad = 0;
  for (int i = 0; i < mutations && bad < 5; ++i) {
    std::string bytes = corpus[random() % corpus.size()].second;
    const auto& other = corpus[random() % corpus.size()].second;
    for (std::uint64_t n = 1 + random() % 4; n > 0; --n) mutate(bytes, other, random);
    if (!good(bytes, "mutation " + std::to_string(i))) ++bad;
  }
  BOOST_TEST(bad == 0);
}

BOOST_AUTO_TEST_SUITE_END()
