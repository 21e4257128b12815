// The tokenizer: its algorithm over a small made-up vocabulary, and the recorded strings over the
// released one. That is not in the repository: $SAMOVAR_SAM3_VOCABULARY names it.
#include "model/sam3/tokenizer.hpp"

#include <unistd.h>
#include <zlib.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

#include "model/sam3/json_reader.hpp"
#include "tests/model/sam3/golden_folder.hpp"

using namespace samovar::model::sam3;
using id_list = std::vector<std::int64_t>;

namespace {

/// Ids: 0..255 bytes, 256..511 bytes at a word's end, 512.. these merges, then start and end.
constexpr const char* made_up =
    "#version: made up\n"
    "c a\n"       // 512
    "ca t</w>\n"  // 513
    "a t</w>\n"   // 514
    "' s</w>\n";  // 515
constexpr std::int64_t made_up_start = 516;

std::int64_t byte_id(char c, bool last = false) { return c - 33 + (last ? 256 : 0); }

id_list pieces(const tokenizer& t, const std::string& text) {
  const auto found = t.pieces(text);
  BOOST_REQUIRE(found);
  return *found;
}

tokenizer small() {
  auto t = tokenizer::parse(made_up);
  BOOST_REQUIRE(t);
  return *t;
}

struct recorded {
  std::string text, cleaned;
  id_list pieces, ids;
};

id_list numbers(json_reader& in) {
  id_list out;
  in.array([&] { out.push_back(in.integer()); });
  return out;
}

std::vector<recorded> recorded_cases(std::int64_t& context) {
  const auto path = golden::folder() / "tokenizer.json";
  std::ifstream file(path);
  BOOST_REQUIRE_MESSAGE(file, path << " cannot be read");
  std::ostringstream all;
  all << file.rdbuf();
  const std::string text = all.str();
  json_reader in(text);
  std::vector<recorded> out;
  const auto one = [&] {
    recorded& r = out.emplace_back();
    in.object([&](std::string&& key) {
      if (key == "text")
        r.text = in.string();
      else if (key == "cleaned")
        r.cleaned = in.string();
      else if (key == "bpe_ids")
        r.pieces = numbers(in);
      else if (key == "context_ids")
        r.ids = numbers(in);
      else
        in.skip();
    });
  };
  in.object([&](std::string&& key) {
    if (key == "context_length")
      context = in.integer();
    else if (key == "cases")
      in.array(one);
    else
      in.skip();
  });
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sam3_tokenizer)

BOOST_AUTO_TEST_CASE(the_earliest_merge_goes_first_and_the_last_symbol_ends_the_word) {
  const auto t = small();
  BOOST_TEST(pieces(t, "cat") == id_list{513});
  BOOST_TEST(pieces(t, "at") == id_list{514});
  BOOST_TEST(pieces(t, "ca") == (id_list{byte_id('c'), byte_id('a', true)}));
  BOOST_TEST(pieces(t, "catc") == (id_list{512, byte_id('t'), byte_id('c', true)}));
  BOOST_TEST(pieces(t, "").empty());
}

BOOST_AUTO_TEST_CASE(words_split_at_endings_numbers_and_signs) {
  const auto t = small();
  BOOST_TEST(pieces(t, " Cat's  CAT ") == (id_list{513, 515, 513}));
  BOOST_TEST(pieces(t, "12") == (id_list{byte_id('1', true), byte_id('2', true)}));
  BOOST_TEST(pieces(t, "at!?at") == (id_list{514, byte_id('!'), byte_id('?', true), 514}));
}

BOOST_AUTO_TEST_CASE(special_words_become_special_ids) {
  const auto t = small();
  BOOST_TEST(t.start_id() == made_up_start);
  BOOST_TEST(t.end_id() == made_up_start + 1);
  BOOST_TEST(pieces(t, "<start_of_text>at<END_OF_TEXT>") ==
             (id_list{made_up_start, 514, made_up_start + 1}));
}

BOOST_AUTO_TEST_CASE(the_context_is_filled_with_zeros_or_cut_before_its_end) {
  const auto t = small();
  const auto ids = [&](const std::string& text) {
    const auto found = t.ids(text, 5);
    BOOST_REQUIRE(found);
    return *found;
  };
  BOOST_TEST(ids("at") == (id_list{516, 514, 517, 0, 0}));
  BOOST_TEST(ids("at at at") == (id_list{516, 514, 514, 514, 517}));
  BOOST_TEST(ids("at cat at cat at") == (id_list{516, 514, 513, 514, 517}));
  // An end that somebody typed is not taken for the end.
  BOOST_TEST(ids("<end_of_text> at at at") == (id_list{516, 517, 514, 514, 517}));
}

BOOST_AUTO_TEST_CASE(texts_are_cleaned) {
  BOOST_TEST(clean_prompt("  a \t\n b\xC2\xA0") == "a b");
  BOOST_TEST(clean_prompt("&amp;lt;b&amp;gt; &#65;&#x42; &unknown; &") == "<b> ab &unknown; &");
  BOOST_TEST(clean_prompt("\x1B[31mred\x1B[0m \xE2\x80\x9Cx\xE2\x80\x99") == "red \"x'");
  BOOST_TEST(clean_prompt("\xEF\xBC\xA1\xEF\xAC\x81") == "afi");
  BOOST_TEST(clean_prompt("sch\xC3\x83\xC2\xB6n") == "sch\xC3\xB6n");
  BOOST_TEST(clean_prompt("\xC4\xB0") == "i\xCC\x87");
  BOOST_TEST(clean_prompt(std::string("a\xFF", 2)) == "a\xEF\xBF\xBD");  // no UTF-8, no crash
}

BOOST_AUTO_TEST_CASE(long_prompts_and_broken_vocabularies_are_refused) {
  BOOST_TEST(!small().pieces(std::string(prompt_bytes_max + 1, 'a')));
  BOOST_TEST(!!small().pieces(std::string(prompt_bytes_max, 'a')));
  for (const char* bad : {"", "header", "header\n", "header\nab\n", "header\na b c\n",
                          "header\n a\n", "header\na \n"})
    BOOST_TEST(!tokenizer::parse(bad), bad);
  BOOST_TEST(!tokenizer::open("/nowhere/at/all"));
}

BOOST_AUTO_TEST_CASE(files_are_read_packed_and_plain) {
  const auto folder = std::filesystem::temp_directory_path();
  const auto plain = folder / ("sam3-merges-" + std::to_string(getpid()));
  const auto packed = plain.string() + ".gz";
  std::ofstream(plain) << made_up;
  const gzFile out = gzopen(packed.c_str(), "wb");
  gzputs(out, made_up);
  gzclose(out);
  for (const auto& path : {plain, std::filesystem::path(packed)}) {
    const auto t = tokenizer::open(path);
    BOOST_REQUIRE(t);
    BOOST_TEST(pieces(*t, "cat") == id_list{513});
  }
  std::filesystem::resize_file(packed, std::filesystem::file_size(packed) - 6);
  BOOST_TEST(!tokenizer::open(packed));  // torn
  std::filesystem::remove(plain);
  std::filesystem::remove(packed);
}

BOOST_AUTO_TEST_CASE(hostile_vocabularies_are_refused_or_bounded) {
  const auto folder = std::filesystem::temp_directory_path();
  const auto bomb = folder / ("sam3-bomb-" + std::to_string(getpid()) + ".gz");
  const gzFile out = gzopen(bomb.c_str(), "wb");
  const std::string zeros(1 << 20, '0');
  for (int i = 0; i < 80; ++i) gzwrite(out, zeros.data(), static_cast<unsigned>(zeros.size()));
  gzclose(out);
  BOOST_TEST(std::filesystem::file_size(bomb) < 1 << 20);
  const auto opened = tokenizer::open(bomb);
  BOOST_REQUIRE(!opened);
  BOOST_TEST(opened.failure().detail.find("too large") != std::string::npos);
  std::filesystem::remove(bomb);
  BOOST_TEST(!tokenizer::open(folder));

  // More merges than the network has words: what is beyond is left.
  std::string many = "#\n";
  for (int i = 0; i < 100'000; ++i) many += "x" + std::to_string(i) + " y\n";
  const auto bounded = tokenizer::parse(many);
  BOOST_REQUIRE(bounded);
  BOOST_TEST(bounded->end_id() < 49408);
  // A merge of one with itself, of nothing known, and the same one twice.
  const auto odd = tokenizer::parse("#\na a\na a\naa aa\nq</w> q</w>\n");
  BOOST_REQUIRE(odd);
  for (const char* text : {"aaaaaaa", "qq", "a", "q"})
    for (const auto id : pieces(*odd, text)) BOOST_TEST((id >= 0 && id <= odd->end_id()));
  const std::string line(1 << 20, 'a');
  BOOST_TEST(!tokenizer::parse("#\n" + line));
  BOOST_TEST(!!tokenizer::parse("#\n" + line + " b\n"));
}

BOOST_AUTO_TEST_CASE(recorded_strings_over_the_released_vocabulary) {
  const auto path = golden::value_of(
      "SAMOVAR_SAM3_VOCABULARY", SAMOVAR_SOURCE_DIR "/../shared/sam3/bpe_simple_vocab_16e6.txt.gz");
  if (!std::filesystem::exists(path)) {
    BOOST_REQUIRE_MESSAGE(!std::getenv("SAMOVAR_SAM3_VOCABULARY"), path << " is not there");
    std::cerr << "SKIPPED: no vocabulary at " << path
              << "; SAMOVAR_SAM3_VOCABULARY names another place\n";
    return;
  }
  const auto t = tokenizer::open(path);
  BOOST_REQUIRE(t);
  std::int64_t context = 0;
  const auto cases = recorded_cases(context);
  BOOST_TEST(!cases.empty());
  for (const auto& c : cases) {
    BOOST_TEST_CONTEXT("\"" << c.text << "\"") {
      BOOST_TEST(clean_prompt(c.text) == c.cleaned);
      BOOST_TEST(pieces(*t, c.text) == c.pieces);
      const auto ids = t->ids(c.text, static_cast<std::size_t>(context));
      BOOST_REQUIRE(ids);
      BOOST_TEST(*ids == c.ids);
    }
  }
  std::cerr << cases.size() << " recorded strings over " << path << "\n";
}

BOOST_AUTO_TEST_SUITE_END()
