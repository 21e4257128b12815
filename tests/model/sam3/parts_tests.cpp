// What the SAM 3 segmenter is made of and needs no LibTorch: run lengths of packed masks, the
// concepts of a prompt, the description of its files.
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <random>

#include "model/sam3/concepts.hpp"
#include "model/sam3/description.hpp"
#include "model/sam3/runs.hpp"

using namespace samovar;
using namespace samovar::model::sam3;
namespace fs = std::filesystem;
using words = std::vector<std::string>;

namespace {

const fs::path golden = fs::path(SAMOVAR_SOURCE_DIR) / "tests/golden/sam3";

struct scratch {
  fs::path folder = fs::temp_directory_path() / ("samovar-sam3-" + std::to_string(::getpid()));
  scratch() { fs::create_directories(folder); }
  ~scratch() { fs::remove_all(folder); }
  fs::path write(const std::string& name, const std::string& text) const {
    std::ofstream(folder / name, std::ios::binary) << text;
    return folder / name;
  }
  /// The golden checkpoint, with `from` replaced by `to` (as long) in its header.
  fs::path checkpoint(const std::string& from, const std::string& to) const {
    std::ifstream in(golden / "weights.safetensors", std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(in), {}};
    const auto at = bytes.find(from);
    BOOST_REQUIRE(at != std::string::npos);
    bytes.replace(at, from.size(), to);
    fs::copy_file(golden / "config.json", folder / "config.json",
                  fs::copy_options::overwrite_existing);
    return write("weights.safetensors", bytes);
  }
};

core::image_prompts asked(const std::string& text, int positive, int negative) {
  core::image_prompts p;
  p.text = text;
  for (int i = 0; i < positive; ++i)
    p.boxes.push_back({{}, {i, 0, 4, 4}, core::prompt_type::positive_exemplar});
  for (int i = 0; i < negative; ++i)
    p.boxes.push_back({{}, {i, 9, 4, 4}, core::prompt_type::negative_exemplar});
  p.boxes.push_back({{}, {0, 0, 9, 9}, core::prompt_type::segment});
  return p;
}

std::string failure(const segmenter_settings& s) {
  const auto d = describe(s);
  return d ? std::string() : d.failure().detail;
}

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sam3_parts)

BOOST_AUTO_TEST_CASE(run_lengths_are_those_of_the_plain_mask) {
  std::mt19937 random(5);
  for (const auto& [height, width] : std::vector<std::pair<int, int>>{
           {1, 1}, {1, 9}, {7, 3}, {8, 8}, {9, 5}, {63, 4}, {64, 4}, {65, 4}, {200, 37}}) {
    for (const int percent : {0, 3, 50, 97, 100}) {
      const int bytes = (height + 7) / 8;
      // What lies past the height must not matter.
      std::vector<std::uint8_t> packed(static_cast<std::size_t>(width * bytes), 0xFF);
      std::vector<std::uint8_t> plain(static_cast<std::size_t>(width * height));
      for (int x = 0; x < width; ++x)
        for (int y = 0; y < height; ++y) {
          const bool on = static_cast<int>(random() % 100) < percent;
          plain[static_cast<std::size_t>(y * width + x)] = on ? 1 : 0;
          auto& byte = packed[static_cast<std::size_t>(x * bytes + y / 8)];
          if (!on) byte = static_cast<std::uint8_t>(byte & ~(1 << y % 8));
        }
      BOOST_TEST_CONTEXT(height << " x " << width << ", " << percent << " %")
      BOOST_TEST((runs_of(packed.data(), height, width) ==
                  core::encode_rle(plain, height, width, static_cast<std::size_t>(width))));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_text_is_parted_into_concepts) {
  BOOST_TEST(concepts_in("red apple") == words{"red apple"});
  BOOST_TEST(concepts_in(" cat ;; dog;cat\n\tred, round apple ;") ==
             (words{"cat", "dog", "red, round apple"}));
  BOOST_TEST(concepts_in(" ; \n").empty());
}

BOOST_AUTO_TEST_CASE(exemplars_go_with_one_concept_and_stand_beside_several) {
  const auto one = concepts_of(asked("cat", 1, 1), "");
  BOOST_REQUIRE(one);
  BOOST_REQUIRE_EQUAL(one->size(), 1U);
  BOOST_TEST(one->front().words == words{"cat"});
  BOOST_TEST(one->front().examples.size() == 2U);

  const auto several = concepts_of(asked("cat;dog", 1, 1), "");
  BOOST_REQUIRE(several);
  BOOST_REQUIRE_EQUAL(several->size(), 2U);
  BOOST_TEST((*several)[0].words == (words{"cat", "dog"}));
  BOOST_REQUIRE_EQUAL((*several)[0].examples.size(), 1U);
  BOOST_TEST(((*several)[0].examples[0].type == core::prompt_type::negative_exemplar));
  BOOST_TEST((*several)[1].words == words{""});
  BOOST_TEST((*several)[1].examples.size() == 2U);

  const auto alone = concepts_of(asked(" ", 2, 0), "");
  BOOST_REQUIRE(alone);
  BOOST_TEST(alone->front().words == words{""});
}

BOOST_AUTO_TEST_CASE(what_cannot_be_looked_for_is_said) {
  const std::string reason = "no words here";
  for (const auto& p : {asked("", 0, 0), asked(" ;", 0, 2)})
    BOOST_TEST(says(concepts_of(p, "").failure().detail, "positive exemplar"));
  BOOST_TEST(concepts_of(asked("cat", 0, 1), reason).failure().detail == reason);
  const auto ignored = concepts_of(asked("cat;dog", 1, 0), reason);
  BOOST_REQUIRE(ignored);
  BOOST_TEST(ignored->front().words == words{""});
  std::string many;
  for (std::size_t i = 0; i <= concepts_max; ++i) many += std::to_string(i) + ";";
  BOOST_TEST(says(concepts_of(asked(many, 0, 0), "").failure().detail, "at most 16"));
}

BOOST_AUTO_TEST_CASE(a_model_is_known_by_its_content_and_type) {
  scratch here;
  segmenter_settings s;
  s.checkpoint = golden / "weights.safetensors";
  s.dtype = "fp32";
  const auto first = describe(s);
  BOOST_REQUIRE_MESSAGE(first.ok(), failure(s));
  BOOST_TEST(first->identity.starts_with("sam3/1-"));
  BOOST_TEST(first->identity.ends_with("-fp32"));
  BOOST_TEST(first->identity.size() == 7U + 16U + 5U);
  BOOST_TEST(first->warning.empty());

  auto moved = s;
  moved.checkpoint = here.checkpoint("detector", "detector");
  BOOST_TEST(describe(moved)->identity == first->identity);
  moved.dtype = "bf16";
  BOOST_TEST(describe(moved)->identity != first->identity);

  // One other value, in the middle of the weights.
  std::fstream file(moved.checkpoint, std::ios::in | std::ios::out | std::ios::binary);
  std::uint64_t header = 0;
  file.read(reinterpret_cast<char*>(&header), sizeof header);
  file.seekp(static_cast<std::streamoff>(8 + header));
  file.write("\1\2\3\4", 4);
  file.close();
  moved.dtype = "fp32";
  BOOST_TEST(describe(moved)->identity != first->identity);
}

BOOST_AUTO_TEST_CASE(text_needs_a_vocabulary_which_may_lie_beside_the_checkpoint) {
  scratch here;
  segmenter_settings s;
  s.checkpoint = golden / "weights.safetensors";
  const auto without = describe(s);
  BOOST_REQUIRE(without);
  BOOST_TEST(!without->abilities.text);
  BOOST_TEST(without->abilities.exemplars);
  BOOST_TEST(says(without->abilities.text_unavailable_reason, "model.vocabulary"));

  s.vocabulary = here.write("small.txt", "#version\nc a\nca t</w>\n");
  const auto small = describe(s);
  BOOST_REQUIRE(small);
  BOOST_TEST(small->abilities.text);
  BOOST_TEST(small->abilities.text_unavailable_reason.empty());
  BOOST_TEST(says(small->warning, "516 entries"));

  s = {};
  s.checkpoint = here.checkpoint("detector", "detector");
  here.write("merges.txt", "#version\nc a\n");
  BOOST_TEST(describe(s)->abilities.text);
}

BOOST_AUTO_TEST_CASE(a_bad_file_is_named_with_what_is_wrong) {
  scratch here;
  segmenter_settings s;
  s.checkpoint = here.folder / "absent.safetensors";
  BOOST_TEST(says(failure(s), "model.checkpoint: " + s.checkpoint.string()));

  s.checkpoint = here.checkpoint("\"tracker.no_mem_embed\"", "\"tracker.no_mem_EMBED\"");
  BOOST_TEST(says(failure(s), "no_mem_embed"));
  BOOST_TEST(says(failure(s), s.checkpoint.string()));

  s.checkpoint = here.write("short.safetensors", "abc");
  BOOST_TEST(says(failure(s), s.checkpoint.string()));

  s.checkpoint = golden / "weights.safetensors";
  s.vocabulary = here.folder / "absent.txt";
  BOOST_TEST(says(failure(s), "model.vocabulary: " + s.vocabulary.string()));
  s.vocabulary = here.write("bad.txt", "#version\nno pair at all\n");
  BOOST_TEST(says(failure(s), "merge 1"));
}

BOOST_AUTO_TEST_SUITE_END()
