#include "model/sam3/safetensors.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>

#include "tests/model/sam3/made_files.hpp"

using namespace samovar;
using namespace samovar::model::sam3;

namespace {

std::span<const std::byte> bytes(const std::string& s) {
  return std::as_bytes(std::span<const char>(s.data(), s.size()));
}

/// Reads an exact copy on the heap, so that a sanitizer sees what lies beyond.
std::string refusal(const std::string& file) {
  const std::vector<std::byte> copy(bytes(file).begin(), bytes(file).end());
  const auto read = read_safetensors(copy);
  return read ? "" : read.failure().detail;
}

bool refused_for(const std::string& file, const std::string& why) {
  const auto detail = refusal(file);
  BOOST_TEST_INFO("it says: " << (detail.empty() ? "nothing is wrong" : detail));
  return detail.find(why) != std::string::npos;
}

std::string one(const std::string& type, const std::string& shape, const std::string& offsets,
                std::size_t values, const std::string& name = "a") {
  return made::safetensors("{\"" + name + "\":{\"dtype\":\"" + type + "\",\"shape\":" + shape +
                               ",\"data_offsets\":" + offsets + "}}",
                           std::string(values, 'x'));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sam3_safetensors)

BOOST_AUTO_TEST_CASE(what_was_written_is_read) {
  const std::vector<made::tensor> written{
      {"a", element::f32, {2, 3}, std::string(24, 'p')},
      {"scalar", element::bf16, {}, "qr"},
      {"empty", element::f64, {0, 7}, ""},
      {"c", element::c64, {1}, std::string(8, 's')},
  };
  const auto file = made::safetensors(written);
  const auto read = read_safetensors(bytes(file));
  BOOST_REQUIRE(read);
  BOOST_TEST(read->tensors.size() == written.size());
  for (const auto& w : written) {
    const auto& view = read->tensors.at(w.name);
    BOOST_TEST((view.type == w.type && view.shape == w.shape));
    BOOST_REQUIRE(view.byte_size == w.values.size());
    BOOST_TEST(std::memcmp(view.data, w.values.data(), w.values.size()) == 0);
  }
  BOOST_TEST(refusal(one("F32", "[2]", "[0,8]", 8)).empty());
  BOOST_TEST(refusal(made::safetensors("{\"__metadata__\":{\"format\":\"pt\"}}", "")).empty());
}

BOOST_AUTO_TEST_CASE(every_cut_is_noticed) {
  const auto file = made::safetensors(
      {made::zeros("a", element::f32, {2, 3}), made::zeros("b", element::i64, {3})});
  for (std::size_t n = 0; n < file.size(); ++n) BOOST_TEST(!refusal(file.substr(0, n)).empty(), n);
  BOOST_TEST(refused_for(file + "x", "left over"));
}

BOOST_AUTO_TEST_CASE(headers_that_lie_about_their_length_are_refused) {
  for (const std::uint64_t length :
       {~0ULL, ~0ULL - 7, 1ULL << 63, 0ULL + safetensors_header_bytes_max + 1, 100ULL})
    BOOST_TEST(refused_for(made::number(length, 8) + "{}", "header's length"));
  BOOST_TEST(refused_for(made::number(0, 8) + "{}", "header has"));
  BOOST_TEST(refused_for(made::number(1, 8) + "{}", "header has"));
  // As long as a header may be, and no JSON.
  BOOST_TEST(refused_for(made::safetensors(std::string(1 << 20, ' '), ""), "header has"));
}

BOOST_AUTO_TEST_CASE(tensors_fill_the_file_and_do_not_overlap) {
  const auto two = [](const std::string& a, const std::string& b, std::size_t values) {
    return made::safetensors("{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" + a +
                                 "},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" + b +
                                 "}}",
                             std::string(values, 'x'));
  };
  BOOST_TEST(refusal(two("[4,8]", "[0,4]", 8)).empty());
  BOOST_TEST(refused_for(two("[0,4]", "[2,6]", 6), "overlaps"));
  BOOST_TEST(refused_for(two("[0,4]", "[0,4]", 4), "overlaps"));
  BOOST_TEST(refused_for(two("[0,4]", "[6,10]", 10), "gap"));
  BOOST_TEST(refused_for(two("[1,5]", "[5,9]", 9), "gap"));
  BOOST_TEST(refused_for(two("[0,4]", "[4,8]", 9), "left over"));
  BOOST_TEST(refused_for(two("[0,4]", "[4,8]", 7), "outside"));
}

BOOST_AUTO_TEST_CASE(sizes_that_do_not_fit_are_refused) {
  BOOST_TEST(refused_for(one("F32", "[2]", "[0,4]", 4), "bytes that its shape"));
  BOOST_TEST(refused_for(one("F16", "[2]", "[0,8]", 8), "bytes that its shape"));
  BOOST_TEST(refused_for(one("F32", "[4294967296,4294967296]", "[0,0]", 0), "bytes that its"));
  // 2^62 * 4 and 2^61 * 8 are 0 in 64 bits.
  BOOST_TEST(refused_for(one("F32", "[4611686018427387904]", "[0,0]", 0), "bytes that its"));
  BOOST_TEST(refused_for(one("F64", "[2305843009213693952]", "[0,0]", 0), "bytes that its"));
  BOOST_TEST(refused_for(one("F32", "[-1]", "[0,4]", 4), "negative"));
  BOOST_TEST(refused_for(one("F32", "[1]", "[-4,0]", 4), "negative"));
  BOOST_TEST(refused_for(one("F32", "[1]", "[4,0]", 4), "outside"));
  BOOST_TEST(refused_for(one("F32", "[9223372036854775808]", "[0,4]", 4), "whole number"));
  BOOST_TEST(refused_for(one("F32", "[1.0]", "[0,4]", 4), "whole number"));
  BOOST_TEST(refused_for(one("F32", "[1e0]", "[0,4]", 4), "whole number"));
  BOOST_TEST(refused_for(one("F32", "[NaN]", "[0,4]", 4), "expected a number"));
  BOOST_TEST(refused_for(one("F32", "[1]", "[0]", 4), "not described fully"));
  BOOST_TEST(refused_for(one("F32", "[1]", "[0,4,4]", 4), "not described fully"));
  std::string many = "[1";
  for (std::size_t i = 0; i < axes_max; ++i) many += ",1";
  BOOST_TEST(refused_for(one("F32", many + "]", "[0,4]", 4), "too many axes"));
}

BOOST_AUTO_TEST_CASE(unknown_types_members_and_repetitions_are_refused) {
  BOOST_TEST(refused_for(one("F8_E4M3", "[4]", "[0,4]", 4), "unknown type \"F8_E4M3\""));
  BOOST_TEST(refused_for(one("f32", "[1]", "[0,4]", 4), "unknown type"));
  BOOST_TEST(refused_for(made::safetensors("{\"a\":{\"dtype\":\"U8\",\"shape\":[0]}}", ""),
                         "not described fully"));
  const std::string a = "\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}";
  BOOST_TEST(refusal(made::safetensors("{" + a + "}", "")).empty());
  BOOST_TEST(refused_for(made::safetensors("{" + a + "," + a + "}", ""), "twice"));
  BOOST_TEST(refused_for(
      made::safetensors(
          "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"shape\":[0],\"data_offsets\":[0,0]}}", ""),
      "described twice"));
  BOOST_TEST(refused_for(made::safetensors("{\"a\":{\"code\":\"x\"}}", ""), "unknown member"));
  BOOST_TEST(
      refused_for(made::safetensors("{\"__metadata__\":{},\"__metadata__\":{}}", ""), "twice"));
  BOOST_TEST(refused_for(made::safetensors("{\"__metadata__\":{\"a\":1}}", ""), "expected"));
}

BOOST_AUTO_TEST_CASE(names_that_would_not_print_are_refused) {
  for (const std::string name : {"", "a b", "\\u001b[31m", "\\u0000", "\xC3\xA4"})
    BOOST_TEST(refused_for(one("U8", "[1]", "[0,1]", 1, name), "printable"), name);
  BOOST_TEST(refusal(one("U8", "[1]", "[0,1]", 1, std::string(512, 'n'))).empty());
  BOOST_TEST(refused_for(one("U8", "[1]", "[0,1]", 1, std::string(513, 'n')), "printable"));
  const auto detail = refusal(one("U8", "[1]", "[0,1]", 1, "\\u001b[31m" + std::string(600, 'n')));
  BOOST_TEST(detail.find('\x1b') == std::string::npos);
  BOOST_TEST(detail.size() < 300);
}

BOOST_AUTO_TEST_CASE(deep_nesting_costs_nothing) {
  for (const char open : {'[', '{'}) {
    std::string deep;
    for (int i = 0; i < 200'000; ++i) deep += open == '[' ? "[" : "{\"a\":";
    BOOST_TEST(!refusal(made::safetensors(deep, "")).empty());
    BOOST_TEST(!refusal(made::safetensors("{\"a\":" + deep, "")).empty());
    BOOST_TEST(!refusal(made::safetensors("{\"__metadata__\":" + deep, "")).empty());
  }
}

BOOST_AUTO_TEST_SUITE_END()
