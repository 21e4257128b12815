#include "model/sam3/torch_archive.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <functional>
#include <limits>

#include "model/sam3/pickle.hpp"
#include "tests/model/sam3/made_files.hpp"

using namespace samovar;
using namespace samovar::model::sam3;
using namespace samovar::model::sam3::made;

namespace {

std::vector<std::byte> copy_of(const std::string& s) {
  const auto all = std::as_bytes(std::span<const char>(s.data(), s.size()));
  return {all.begin(), all.end()};
}

std::string refusal(const std::string& file) {
  const auto copy = copy_of(file);
  const auto read = read_torch_archive(copy);
  return read ? "" : read.failure().detail;
}

bool refused_for(const std::string& file, const std::string& why) {
  const auto detail = refusal(file);
  BOOST_TEST_INFO("it says: " << (detail.empty() ? "nothing is wrong" : detail));
  return detail.find(why) != std::string::npos &&
         detail.find("safetensors.torch.save_file") != std::string::npos;
}

/// A dictionary with one value, "a", and a storage "0" of 48 bytes.
std::string with_value(const std::string& value) {
  return torch_archive(pickled::whole(pickled::dictionary({{"a", value}})),
                       {{"0", std::string(48, 'x')}});
}
std::string floats(std::int64_t values = 12) {
  return pickled::storage("FloatStorage", "0", values);
}
std::string with_object(const std::string& object) {
  return torch_archive(pickled::whole(object), {{"0", std::string(48, 'x')}});
}
const std::string good = pickled::tensor(floats(), 0, {3, 4}, {4, 1});

/// The pickle that `os.system("…")` makes.
std::string call(const std::string& module, const std::string& name) {
  return pickled::import(module, name) + pickled::tuple({pickled::text("touch /tmp/x")}) + "R";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sam3_torch_archive)

BOOST_AUTO_TEST_CASE(what_torch_wrote_is_read) {
  // Written by PyTorch itself; the expected values in safetensors, wider where that has no type.
  const std::filesystem::path golden = SAMOVAR_SOURCE_DIR "/tests/golden/sam3";
  const auto expected = open_tensor_file(golden / "mini_checkpoint_expected.safetensors");
  BOOST_REQUIRE(expected);
  for (const auto* name : {"mini_checkpoint_flat.pt", "mini_checkpoint_nested.pt"}) {
    const auto file = open_tensor_file(golden / name);
    BOOST_REQUIRE_MESSAGE(file, why(file));
    BOOST_TEST(((*file)->format() == file_format::torch_archive));
    BOOST_TEST((*file)->tensors().size() == (*expected)->tensors().size());
    for (const auto& [key, wanted] : (*expected)->tensors()) {
      const auto* found = (*file)->find(key);
      BOOST_REQUIRE_MESSAGE(found, key);
      auto shape = found->shape;
      if (found->type == element::c64) shape.push_back(2);
      BOOST_TEST(shape == wanted.shape, key);
      if (found->type == wanted.type || found->type == element::c64 ||
          found->type == element::boolean) {
        BOOST_REQUIRE(found->byte_size == wanted.byte_size);
        BOOST_TEST(std::memcmp(found->data, wanted.data, wanted.byte_size) == 0, key);
      } else {
        BOOST_TEST((found->type == element::f16 || found->type == element::bf16), key);
        BOOST_TEST(2 * found->byte_size == wanted.byte_size);
        if (found->type != element::bf16) continue;
        for (std::size_t i = 0; i < found->byte_size; i += 2)  // bf16: the upper half of a float
          BOOST_TEST(std::memcmp(found->data + i, wanted.data + 2 * i + 2, 2) == 0, key);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(what_was_made_is_read) {
  const std::vector<tensor> written{
      {"a", element::f32, {2, 3}, std::string(24, 'p')},
      {"scalar", element::bf16, {}, "qr"},
      {"empty", element::f64, {0, 7}, ""},
      {"c", element::c64, {1}, std::string(8, 's')},
  };
  for (const auto* under : {"", "model"}) {
    const auto file = torch_archive(written, under);
    const auto bytes = std::as_bytes(std::span<const char>(file.data(), file.size()));
    const auto read = read_torch_archive(bytes);
    BOOST_REQUIRE_MESSAGE(read, why(read));
    BOOST_TEST(read->tensors.size() == written.size());
    for (const auto& w : written) {
      const auto& view = read->tensors.at(w.name);
      BOOST_TEST((view.type == w.type && view.shape == w.shape));
      BOOST_REQUIRE(view.byte_size == w.values.size());
      BOOST_TEST(std::memcmp(view.data, w.values.data(), w.values.size()) == 0);
      if (view.byte_size > 0) BOOST_TEST((view.data - bytes.data()) % 64 == 0);
    }
    BOOST_TEST(read->copies.empty());  // mapped, not copied
  }
}

BOOST_AUTO_TEST_CASE(values_out_of_order_are_put_in_order) {
  std::string storage;
  for (int i = 0; i < 12; ++i) storage += number(static_cast<std::uint64_t>(i), 4);
  const auto file = torch_archive(
      pickled::whole(pickled::dictionary(
          {{"turned", pickled::tensor(pickled::storage("IntStorage", "0", 12), 1, {2, 3}, {1, 4})},
           {"part", pickled::tensor(pickled::storage("IntStorage", "0", 12), 4, {2, 2}, {2, 1})},
           {"one", pickled::tensor(pickled::storage("IntStorage", "0", 12), 11, {1, 1}, {7, 9})}})),
      {{"0", storage}});
  const auto copy = copy_of(file);
  const auto read = read_torch_archive(copy);
  BOOST_REQUIRE_MESSAGE(read, why(read));
  const auto values = [&](const std::string& name) {
    std::vector<int> out(read->tensors.at(name).byte_size / 4);
    std::memcpy(out.data(), read->tensors.at(name).data, 4 * out.size());
    return out;
  };
  BOOST_TEST(values("turned") == (std::vector<int>{1, 5, 9, 2, 6, 10}));
  BOOST_TEST(values("part") == (std::vector<int>{4, 5, 6, 7}));
  BOOST_TEST(values("one") == std::vector<int>{11});
  BOOST_TEST(read->copies.size() == 1);
}

BOOST_AUTO_TEST_CASE(more_than_tensors_is_left_out) {
  const auto file = with_object(pickled::dictionary(
      {{"a", good},
       {"epoch", pickled::integer(3)},
       {"rate", "G" + number(0, 8)},
       {"nothing", "N"},
       {"list", "](" + pickled::integer(1) + pickled::integer(-2) + "e"},
       {"parameter",
        pickled::import("torch._utils", "_rebuild_parameter") +
            pickled::tuple({good, "\x88", pickled::import("collections", "OrderedDict") + ")R"}) +
            "R"}}));
  const auto copy = copy_of(file);
  const auto read = read_torch_archive(copy);
  BOOST_REQUIRE_MESSAGE(read, why(read));
  BOOST_TEST(read->tensors.size() == 2);
  // A dictionary's attributes, as state_dict() has them.
  BOOST_TEST(refusal(with_object(pickled::dictionary({{"a", good}}) + "}" +
                                 pickled::text("_metadata") + "}sb"))
                 .empty());
}

BOOST_AUTO_TEST_CASE(nothing_is_executed_or_imported) {
  for (const auto& [module, name] :
       std::vector<std::pair<std::string, std::string>>{{"os", "system"},
                                                        {"posix", "system"},
                                                        {"builtins", "eval"},
                                                        {"builtins", "getattr"},
                                                        {"torch", "load"},
                                                        {"torch.hub", "load"},
                                                        {"torch._utils", "_rebuild_sparse_tensor"},
                                                        {"torch.serialization", "load"},
                                                        {"numpy.core.multiarray", "scalar"},
                                                        {"collections", "OrderedDict\\x00"},
                                                        {"collections.OrderedDict", ""},
                                                        {"", ""}})
    BOOST_TEST(refused_for(with_value(call(module, name)), "wants to import"), module);
  const std::string by_stack =
      "\x8c" + number(2, 1) + "os" + "\x8c" + number(6, 1) + "system" + "\x93" + "(tR";
  BOOST_TEST(refused_for(with_value(by_stack), "\"os.system\""));
  // INST, OBJ, NEWOBJ, NEWOBJ_EX, EXT1, PERSID and the text opcodes.
  for (const std::string opcode :
       {"ios\nsystem\n", "o",    "\x81", "\x92", "\x82\x01", "Pid\n", "I1\n", "L1L\n",
        "Sa\n",          "Va\n", "0",    "1",    "2",        "d",     "l",    "\x8f",
        "\x90",          "\x91", "\x96", "\x97", "\x98",     "\xff"})
    BOOST_TEST(refused_for(with_value("(N" + opcode), "opcode"), opcode);
}

BOOST_AUTO_TEST_CASE(known_names_are_called_as_torch_calls_them_only) {
  const auto dictionary = pickled::import("collections", "OrderedDict");
  BOOST_TEST(refused_for(with_value(dictionary + pickled::tuple({"]"}) + "R"), "arguments"));
  BOOST_TEST(refused_for(with_value(pickled::import("torch", "FloatStorage") + ")R"), "called"));
  BOOST_TEST(refused_for(with_value(dictionary + "NR"), "wrong kind"));
  BOOST_TEST(refused_for(with_value("N)R"), "wrong kind"));
  BOOST_TEST(refused_for(with_value("]Nb"), "wrong kind"));  // attributes of a list
  const auto rebuild = pickled::import("torch._utils", "_rebuild_tensor_v2");
  BOOST_TEST(refused_for(with_value(rebuild + ")R"), "other arguments"));
  BOOST_TEST(refused_for(with_value(rebuild + "(NNNNNNtR"), "wrong kind"));
  BOOST_TEST(refused_for(with_value(pickled::import("torch._utils", "_rebuild_parameter") + "(NtR"),
                         "no tensor"));
  BOOST_TEST(refused_for(with_value(pickled::tuple({pickled::text("storage")}) + "Q"), "storage"));
  BOOST_TEST(refused_for(with_value("NQ"), "wrong kind"));
}

BOOST_AUTO_TEST_CASE(tensors_stay_inside_their_storage) {
  const auto refused = [&](const std::string& t, const std::string& why) {
    return refused_for(with_value(t), why);
  };
  constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max();
  BOOST_TEST(refusal(with_value(good)).empty());
  BOOST_TEST(refused(pickled::tensor(floats(), 1, {3, 4}, {4, 1}), "beyond"));
  BOOST_TEST(refused(pickled::tensor(floats(), 0, {3, 4}, {5, 1}), "beyond"));
  BOOST_TEST(refused(pickled::tensor(floats(), 0, {13}, {1}), "beyond"));
  BOOST_TEST(refused(pickled::tensor(floats(), 12, {}, {}), "beyond"));
  BOOST_TEST(refused(pickled::tensor(floats(), 0, {1000000000}, {0}), "beyond"));  // repeated
  BOOST_TEST(refused(pickled::tensor(floats(), 0, {2}, {huge}), "beyond"));
  BOOST_TEST(refused(pickled::tensor(floats(), huge, {2}, {1}), "beyond"));
  BOOST_TEST(refused(pickled::tensor(floats(), 0, {huge, huge}, {huge, 1}), "beyond"));
  BOOST_TEST(refused(pickled::tensor(floats(), 0, {huge, 2}, {1, 1}), "beyond"));
  BOOST_TEST(refused(pickled::tensor(floats(), -1, {3}, {1}), "no size"));
  BOOST_TEST(refused(pickled::tensor(floats(), 0, {-3}, {1}), "no size"));
  BOOST_TEST(refused(pickled::tensor(floats(), 0, {3}, {-1}), "no size"));
  BOOST_TEST(refused(pickled::tensor(floats(), 0, {3, 4}, {1}), "other strides"));
  BOOST_TEST(refused(pickled::tensor(floats(13), 0, {3}, {1}), "shorter"));
  BOOST_TEST(refused(pickled::tensor(floats(huge), 0, {3}, {1}), "shorter"));
  BOOST_TEST(refused(pickled::tensor(floats(-1), 0, {3}, {1}), "no size"));
  BOOST_TEST(
      refused(pickled::tensor(pickled::storage("FloatStorage", "1", 3), 0, {3}, {1}), "missing"));
  BOOST_TEST(refused(
      pickled::tensor(pickled::storage("FloatStorage", "../data.pkl", 1), 0, {1}, {1}), "missing"));
  std::vector<std::int64_t> sides(axes_max + 1, 1);
  BOOST_TEST(refused(pickled::tensor(floats(), 0, sides, sides), "too many axes"));
  BOOST_TEST(refused(pickled::tensor(pickled::storage("QInt8Storage", "0", 3), 0, {3}, {1}),
                     "wants to import"));
}

BOOST_AUTO_TEST_CASE(names_are_printable_and_there_once) {
  const auto named = [&](const std::string& name) {
    return with_object(pickled::dictionary({{name, good}}));
  };
  for (const std::string name : {"", "a b", "\x1b[31m", "\xC3\xA4"})
    BOOST_TEST(refused_for(named(name), "printable"), name);
  BOOST_TEST(refused_for(with_object(pickled::dictionary({{"a", good}, {"a", good}})), "twice"));
  const auto unnamed = "}" + pickled::integer(1) + good + "s";
  BOOST_TEST(refused_for(with_object(unnamed), "wrong kind"));
}

BOOST_AUTO_TEST_CASE(broken_pickles_are_refused) {
  BOOST_TEST(refused_for(with_object("N"), "no dictionary"));
  BOOST_TEST(refused_for(with_object("}"), "no tensors"));
  BOOST_TEST(refused_for(with_object(""), "stack is empty"));
  BOOST_TEST(refused_for(with_object("}}"), "left on the stack"));
  BOOST_TEST(refused_for(with_object("}("), "stack"));
  BOOST_TEST(refused_for(with_object("t"), "no mark"));
  BOOST_TEST(refused_for(with_object("}(Nu"), "key without a value"));
  BOOST_TEST(refused_for(with_object("Na"), "wrong kind"));
  BOOST_TEST(refused_for(with_object("h\x05"), "remembered"));
  BOOST_TEST(refused_for(with_object("\x8a\x09" + std::string(9, 'x')), "too long"));
  BOOST_TEST(refused_for(with_object("X" + number(0xFFFFFFFF, 4)), "cut off"));
  BOOST_TEST(refused_for(with_object("\x8d" + number(~0ULL, 8)), "cut off"));
  BOOST_TEST(refused_for(torch_archive("\x80\x06}.", {}), "protocol"));
  const auto whole = pickled::whole(pickled::dictionary({{"a", good}}));
  for (std::size_t n = 0; n < whole.size(); ++n)
    BOOST_TEST(!refusal(torch_archive(whole.substr(0, n), {{"0", std::string(48, 'x')}})).empty());
  // A dictionary that holds itself.
  BOOST_TEST(refused_for(
      with_object("}q" + number(0, 1) + pickled::text("model") + "h" + number(0, 1) + "s"),
      "no tensors"));
}

BOOST_AUTO_TEST_CASE(a_hostile_pickle_costs_little) {
  BOOST_TEST(!refusal(with_object(std::string(300'000, ']') + std::string(299'999, 'a'))).empty());
  BOOST_TEST(refused_for(with_object(std::string(3'000'000, '}')), "too many objects"));
  BOOST_TEST(refused_for(with_object(std::string(3'000'000, '(')), "too many objects"));
  BOOST_TEST(refused_for(with_object(std::string(pickle_bytes_max, 'N')), "too long"));
}

BOOST_AUTO_TEST_CASE(other_archives_are_refused) {
  const auto pickle = pickled::whole(pickled::dictionary({{"a", good}}));
  const auto made = [&](const std::function<void(zip&)>& last, bool with_64_bit_end = false) {
    zip z;
    z.add("x/data.pkl", pickle);
    z.add("x/data/0", std::string(48, 'x'));
    last(z);
    return z.finish(with_64_bit_end);
  };
  const auto nothing = [](zip&) {};
  BOOST_TEST(refusal(made(nothing)).empty());
  BOOST_TEST(refusal(made(nothing, true)).empty());
  BOOST_TEST(refused_for(made([](zip& z) { z.tamper(10, 8, 2); }), "compressed"));
  BOOST_TEST(refused_for(made([](zip& z) { z.tamper(8, 1, 2); }), "encrypted"));
  BOOST_TEST(refused_for(made([](zip& z) { z.tamper(20, 47, 4); }), "two sizes"));
  BOOST_TEST(refused_for(made([](zip& z) { z.tamper(42, 0, 4); }), "two names"));
  BOOST_TEST(refused_for(made([](zip& z) { z.tamper(42, 1, 4); }), "not where"));
  BOOST_TEST(refused_for(made([](zip& z) { z.tamper(42, 0xFFFFFFF0, 4); }), "cut off"));
  BOOST_TEST(refused_for(made([](zip& z) { z.tamper(0, 0, 4); }), "damaged"));
  BOOST_TEST(refused_for(made([](zip& z) { z.tamper(28, 9999, 2); }), "cut off"));
  BOOST_TEST(refused_for(made([](zip& z) {
                           z.tamper(20, 4096, 4);
                           z.tamper(24, 4096, 4);
                         }),
                         "cut off"));
  BOOST_TEST(refused_for(made([](zip& z) { z.add("x/data/0", "y"); }), "twice"));
  BOOST_TEST(refused_for(made([&](zip& z) { z.add("y/data.pkl", pickle); }), "several pickles"));
  BOOST_TEST(refused_for(made([](zip& z) { z.add("x/byteorder", "big"); }), "little-endian"));
  zip empty;
  empty.add("x/data/0", "");
  BOOST_TEST(refused_for(empty.finish(), "no data.pkl"));
  const auto whole = made(nothing), wide = made(nothing, true);
  for (const auto& file : {whole, wide})
    for (std::size_t n = 2; n < file.size(); ++n)
      BOOST_TEST(!refusal(file.substr(0, n)).empty(), n);
  // A 64-bit end that points anywhere.
  for (const std::uint64_t at : {0ULL, ~0ULL, 1ULL << 40}) {
    auto file = wide;
    const auto locator = file.rfind("PK\x06\x07");
    file.replace(locator + 8, 8, number(at, 8));
    BOOST_TEST(!refusal(file).empty());
  }
}

BOOST_AUTO_TEST_CASE(entries_do_not_overlap) {
  // Two entries of the directory for one header.
  zip z;
  z.add("x/data.pkl", pickled::whole(pickled::dictionary({{"a", good}})));
  z.add("x/data/0", std::string(48, 'x'));
  z.add("x/data/0", std::string(48, 'y'));
  const auto file = z.finish();
  const auto second = file.rfind("PK\x01\x02");
  const auto first = file.rfind("PK\x01\x02", second - 1);
  auto bad = file;
  bad.replace(second + 42, 4, file.substr(first + 42, 4));
  BOOST_TEST(refused_for(bad, "overlaps"));
}

BOOST_AUTO_TEST_CASE(the_format_is_told_by_content) {
  const temporary_folder folder;
  const auto says = [&](const std::string& bytes) {
    const auto file = open_tensor_file(folder.write("x", bytes));
    return file ? std::string() : file.failure().detail;
  };
  using namespace std::string_literals;
  BOOST_TEST(says(torch_archive({zeros("a", element::f32, {3})})).empty());
  BOOST_TEST(says(made::safetensors({zeros("a", element::f32, {3})})).empty());
  const auto old = says("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."s);
  BOOST_TEST(old.find("before version 1.6") != std::string::npos, old);
  BOOST_TEST(old.find("safetensors.torch.save_file") != std::string::npos, old);
  BOOST_TEST(says("something else").find("safetensors") != std::string::npos);
  BOOST_TEST(!says("").empty());
  // A header of 640 bytes begins like a pickle.
  const auto short_one = made::safetensors("{}" + std::string(638, ' '), "");
  BOOST_TEST(says(short_one).empty());
}

BOOST_AUTO_TEST_SUITE_END()
