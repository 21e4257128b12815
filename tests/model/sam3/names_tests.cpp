#include "model/sam3/names.hpp"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "model/sam3/options.hpp"

using namespace samovar::model::sam3;

namespace {

struct line {
  std::string released, transformers, how;
};

std::vector<line> read_table() {
  const std::string path = SAMOVAR_SOURCE_DIR "/tests/golden/transformers-names.tsv";
  std::ifstream in(path);
  BOOST_REQUIRE_MESSAGE(in, path << " cannot be read");
  std::vector<line> out;
  for (std::string text; std::getline(in, text);) {
    if (text.empty() || text[0] == '#') continue;
    std::istringstream fields(text);
    line& l = out.emplace_back();
    std::getline(fields, l.released, '\t');
    std::getline(fields, l.transformers, '\t');
    std::getline(fields, l.how);
  }
  return out;
}

std::string with_index(std::string name, const std::string& index) {
  for (auto at = name.find(".N"); at != std::string::npos; at = name.find(".N", at + 1))
    if (at + 2 == name.size() || name[at + 2] == '.') name.replace(at + 1, 1, index);
  return name;
}

bool contains(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

/// Indices for which a line of the table means something.
std::vector<std::string> indices_of(const line& l) {
  if (contains(l.released, "dconv_2x2_")) return {"0"};
  if (contains(l.released, "dconv_2x2.")) return {"1"};
  if (contains(l.released, "convs.N") || contains(l.released, "point_embeddings"))
    return {"0", "2"};
  if (contains(l.released, "pixel_decoder")) return {"0", "1"};
  return {"0", "1", "9", "10", "123"};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sam3_names)

BOOST_AUTO_TEST_CASE(every_line_of_the_table_is_what_the_rules_say) {
  int compared = 0;
  for (const auto& l : read_table()) {
    for (const auto& index : indices_of(l)) {
      const auto released = with_index(l.released, index);
      const auto found = find_place(naming::transformers, released);
      BOOST_TEST_CONTEXT(released) {
        if (l.transformers[0] == '-') {
          BOOST_TEST(found.names.empty());
          continue;
        }
        if (contains(released, ".text_projection")) {
          BOOST_TEST(is_ignored(naming::released, released));
          BOOST_TEST(is_ignored(naming::transformers, l.transformers));
          continue;
        }
        std::string words;
        for (const auto* list : {&found.names, &found.copies})
          for (const auto& name : *list) words += (words.empty() ? "" : " + ") + name;
        BOOST_TEST(words == with_index(l.transformers, index));
        const bool row = l.how.starts_with("concatenate");
        BOOST_TEST(found.row == (row ? std::stoi(index) : -1));
        for (const auto& name : found.names) BOOST_TEST(!is_ignored(naming::transformers, name));
        ++compared;
      }
    }
  }
  BOOST_TEST(compared > 500);
}

BOOST_AUTO_TEST_CASE(a_full_model_has_a_place_for_every_tensor_and_none_twice) {
  std::set<std::string> taken;
  for (const auto& e : expected_tensors(options{})) {
    const auto released = find_place(naming::released, e.name);
    BOOST_TEST(released.names == std::vector<std::string>{e.name});
    BOOST_TEST(!is_ignored(naming::released, e.name), e.name);
    const auto found = find_place(naming::transformers, e.name);
    if (contains(e.name, "geometry_encoder.points_")) {
      BOOST_TEST(found.names.empty());
      continue;
    }
    BOOST_TEST(!found.names.empty(), e.name);
    for (const auto& name : found.names)
      BOOST_TEST(taken.insert(name + (found.row < 0 ? "" : std::to_string(found.row))).second,
                 name);
  }
}

BOOST_AUTO_TEST_CASE(other_names_have_no_place) {
  for (const std::string name :
       {"", "detector", "detector.", "tracker.no_mem_embed_", "tracker.no_mem",
        "detector.geometry_encoder.normal.weight",
        "detector.backbone.vision_backbone.trunk.blocks.x.norm1.weight",
        "detector.backbone.vision_backbone.trunk.blocks..norm1.weight",
        "detector.backbone.vision_backbone.trunk.blocks.1234567.norm1.weight",
        "tracker.sam_prompt_encoder.point_embeddings.1.bias"})
    BOOST_TEST(find_place(naming::transformers, name).names.empty(), name);
}

BOOST_AUTO_TEST_CASE(the_naming_is_told_by_the_names) {
  naming_guess guess;
  BOOST_TEST((guess.best() == naming::released));
  guess.see("tracker_neck.a");
  BOOST_TEST((guess.best() == naming::transformers));
  guess.see("detector.a");
  guess.see("tracker.a");
  guess.see("something else");
  BOOST_TEST((guess.best() == naming::released));
}

BOOST_AUTO_TEST_SUITE_END()
