#include "model/sam3/checkpoint.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/model/sam3/golden_folder.hpp"
#include "tests/model/sam3/made_files.hpp"

using namespace samovar::model::sam3;
using namespace samovar::model::sam3::made;

namespace {

const std::filesystem::path names_table = SAMOVAR_SOURCE_DIR "/tests/golden/transformers-names.tsv";

std::unique_ptr<tensor_file> golden_weights() {
  auto file = open_tensor_file(golden::folder() / "weights.safetensors");
  BOOST_REQUIRE_MESSAGE(file, "golden data in " << golden::folder());
  return std::move(*file);
}

std::string golden_config() {
  std::ifstream in(golden::folder() / "config.json");
  std::ostringstream out;
  out << in.rdbuf();
  BOOST_REQUIRE(in);
  return out.str();
}

/// The golden checkpoint, with whatever is done to it, in a folder of its own.
struct changed {
  temporary_folder folder;
  std::vector<tensor> tensors;
  std::string config = golden_config();

  explicit changed(naming names) {
    const auto file = golden_weights();
    tensors = names == naming::released ? all_of(*file) : renamed(*file, names_table);
  }
  tensor& at(const std::string& name) {
    const auto found = std::find_if(tensors.begin(), tensors.end(),
                                    [&](const tensor& t) { return t.name == name; });
    BOOST_REQUIRE_MESSAGE(found != tensors.end(), name);
    return *found;
  }
  void drop(const std::string& name) {
    tensors.erase(tensors.begin() + (&at(name) - tensors.data()));
  }
  std::filesystem::path write(bool torch = false) const {
    folder.write("config.json", config);
    return folder.write("weights", torch ? torch_archive(tensors) : made::safetensors(tensors));
  }
  std::string refusal() const {
    const auto c = open_checkpoint(write());
    return c ? "" : c.failure().detail;
  }
};

bool contains(const std::string& text, const std::string& part) {
  BOOST_TEST_INFO("it says: " << (text.empty() ? "nothing is wrong" : text));
  return text.find(part) != std::string::npos;
}

std::string all_bytes(const checkpoint_tensor& t) {
  std::string out;
  for (const auto& p : t.parts) out.append(reinterpret_cast<const char*>(p.data), p.byte_size);
  return out;
}

/// Everything the network reads is the same, whatever the file.
void compare_weights(const checkpoint& a, const checkpoint& b) {
  BOOST_TEST(!a.tensors.empty());
  for (const auto& [name, found] : a.tensors) {
    BOOST_TEST_CONTEXT(name) {
      const auto other = b.tensors.find(name);
      BOOST_REQUIRE(other != b.tensors.end());
      BOOST_TEST((found.type == other->second.type));
      if (name.ends_with(".pos_embed")) continue;  // with or without the class token's row
      BOOST_TEST(found.shape == other->second.shape);
      BOOST_TEST((all_bytes(found) == all_bytes(other->second)));
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sam3_checkpoint)

BOOST_AUTO_TEST_CASE(the_golden_checkpoint_is_one_however_it_is_stored) {
  const changed released(naming::released), renamed(naming::transformers);
  const auto first = open_checkpoint(golden::folder() / "weights.safetensors");
  BOOST_REQUIRE_MESSAGE(first, why(first));
  BOOST_TEST((first->names == naming::released));
  for (const auto* other : {&released, &renamed})
    for (const bool torch : {false, true}) {
      const auto c = open_checkpoint(other->write(torch));
      BOOST_REQUIRE_MESSAGE(c, why(c));
      const bool theirs = other == &renamed;
      BOOST_TEST((c->names == (theirs ? naming::transformers : naming::released)));
      BOOST_TEST(c->sizes.geometry_points == !theirs);
      BOOST_TEST(c->sizes.position_has_class_row == !theirs);
      BOOST_TEST(c->sizes.position_side == first->sizes.position_side);
      compare_weights(*c, *first);
      // Not one is left out, points in the geometry encoder aside.
      for (const auto& [name, t] : first->tensors)
        if (!theirs || name.find("geometry_encoder.points_") == std::string::npos)
          BOOST_TEST(c->tensors.contains(name), name);
    }
}

BOOST_AUTO_TEST_CASE(missing_unknown_and_misshapen_tensors_are_named) {
  const std::string released = "detector.transformer.encoder.layers.0.self_attn.in_proj_weight";
  const std::string theirs = "detector_model.detr_encoder.layers.0.self_attn.k_proj.weight";
  for (const auto& [names, name] :
       {std::pair(naming::released, released), std::pair(naming::transformers, theirs)}) {
    changed missing(names);
    missing.drop(name);
    BOOST_TEST(contains(missing.refusal(), "tensor " + name + " is missing"));

    changed wide(names);
    wide.at(name).shape[0] += 1;
    wide.at(name).values.resize(wide.at(name).values.size() +
                                static_cast<std::size_t>(wide.at(name).shape[1]) * 4);
    BOOST_TEST(contains(wide.refusal(), name + " has ["));

    changed whole(names);
    whole.at(name).type = element::i32;
    BOOST_TEST(contains(whole.refusal(), name));

    changed unknown(names);
    const std::string beside = name.substr(0, name.find('.') + 1) + "surprise";
    unknown.tensors.push_back(zeros(beside, element::f32, {1}));
    BOOST_TEST(contains(unknown.refusal(), "tensor " + beside + " is unknown"));
  }
  // The first tensor that tells a size, in the file's own words.
  changed nothing(naming::transformers);
  nothing.drop(
      "detector_model.vision_encoder.backbone.embeddings.patch_embeddings.projection.weight");
  BOOST_TEST(contains(nothing.refusal(), "patch_embeddings.projection.weight is missing"));
}

BOOST_AUTO_TEST_CASE(a_report_lists_everything) {
  changed c(naming::transformers);
  c.drop("tracker_model.no_memory_embedding");
  c.drop("detector_model.detr_encoder.layers.0.self_attn.q_proj.bias");
  c.tensors.push_back(zeros("tracker_model.more", element::f32, {1}));
  auto file = open_tensor_file(c.write());
  BOOST_REQUIRE(file);
  const auto read = read_checkpoint(std::move(*file), c.folder.path() / "weights");
  BOOST_REQUIRE(read);
  const auto report = compare(*read);
  BOOST_TEST(!report.complete());
  BOOST_TEST(report.missing ==
             (std::vector<std::string>{"detector_model.detr_encoder.layers.0.self_attn.q_proj.bias",
                                       "tracker_model.no_memory_embedding"}));
  BOOST_TEST(report.unknown == std::vector<std::string>{"tracker_model.more"});
  BOOST_TEST(report.misshapen.empty());
}

BOOST_AUTO_TEST_CASE(either_copy_of_the_positions_matrix_will_do) {
  const std::string one = "tracker_model.prompt_encoder.shared_embedding.positional_embedding";
  const std::string two = "tracker_model.shared_image_embedding.positional_embedding";
  for (const auto& name : {one, two}) {
    changed c(naming::transformers);
    c.drop(name);
    BOOST_TEST(c.refusal() == "");
  }
  changed neither(naming::transformers);
  neither.drop(one);
  neither.drop(two);
  BOOST_TEST(contains(neither.refusal(), "tensor " + one + " is missing"));
  changed both(naming::transformers);
  both.at(two).values[0] ^= 1;
  BOOST_TEST(contains(both.refusal(), "differs"));
}

BOOST_AUTO_TEST_CASE(a_table_of_points_with_another_number_of_rows_is_refused) {
  const std::string name = "tracker_model.prompt_encoder.point_embed.weight";
  changed c(naming::transformers);
  c.at(name).shape[0] += 1;
  c.at(name).values.resize(c.at(name).values.size() / 4 * 5);
  BOOST_TEST(contains(c.refusal(), name + " has ["));
}

BOOST_AUTO_TEST_CASE(sizes_beyond_reason_are_refused_before_they_cost_anything) {
  // A side of 2^40 beside a side of 0 has no bytes.
  constexpr std::int64_t huge = std::int64_t{1} << 40;
  for (const std::string name :
       {"tracker.sam_mask_decoder.mask_tokens.weight",
        "detector.backbone.vision_backbone.trunk.pos_embed",
        "detector.backbone.language_backbone.encoder.token_embedding.weight",
        "detector.transformer.decoder.query_embed.weight"}) {
    changed c(naming::released);
    auto& t = c.at(name);
    t.shape.assign(t.shape.size(), huge);
    t.shape.back() = 0;
    t.values.clear();
    const auto why = c.refusal();
    BOOST_TEST((contains(why, name + " is too large") || contains(why, name + " is empty")), why);
  }
  changed many(naming::released);
  auto& tokens = many.at("tracker.sam_mask_decoder.mask_tokens.weight");
  tokens = zeros(tokens.name, element::f32, {100'000, 1});
  BOOST_TEST(contains(many.refusal(), "mask tokens"));
  changed parts(naming::transformers);
  for (const auto* p : {"q", "k", "v"}) {
    auto& t = parts.at("detector_model.detr_encoder.layers.0.self_attn." + std::string(p) +
                       "_proj.weight");
    t.shape = {std::int64_t{1} << 62, 0};
    t.values.clear();
  }
  BOOST_TEST(contains(parts.refusal(), "_proj.weight has ["));
}

BOOST_AUTO_TEST_CASE(broken_configurations_are_refused) {
  const auto refusal = [](const std::string& config) {
    changed c(naming::released);
    c.config = config;
    return c.refusal();
  };
  for (const std::string text :
       {"", "[]", "{", "{\"image_size\":126}x", "{\"image_size\":}", "{\"image_size\":NaN}",
        "{\"image_size\":1e999}", "{\"image_size\":\"126\"}", "{\"image_size\":126.5}",
        "{\"image_size\":99999999999999999999}", "{\"global_blocks\":3}", "{\"a\":nul}",
        "{\"pixel_mean\":[1,2]}", "{\"pixel_mean\":[1,2,3,4]}", "{\"vit_heads\":[3]}"})
    if (!text.empty()) BOOST_TEST(contains(refusal(text), "config.json has"), text);
  const auto with = [&](const std::string& key, const std::string& value) {
    auto config = golden_config();
    return refusal(config.insert(config.rfind('}'), ",\"" + key + "\":" + value));
  };
  BOOST_TEST(
      with("vit_heads",
           std::to_string(
               open_checkpoint(golden::folder() / "weights.safetensors")->sizes.vit_heads)) == "");
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, std::string>>{{"image_size", "0"},
                                                        {"image_size", "-126"},
                                                        {"image_size", "127"},
                                                        {"image_size", "16800"},
                                                        {"window_size", "0"},
                                                        {"window_size", "-1"},
                                                        {"window_size", "1000"},
                                                        {"vit_heads", "0"},
                                                        {"vit_heads", "7"},
                                                        {"text_heads", "-1"},
                                                        {"detr_heads", "0"},
                                                        {"sam_heads", "1000000"},
                                                        {"rope_theta", "0"},
                                                        {"rope_theta", "-1"},
                                                        {"vit_layer_norm_eps", "0"},
                                                        {"pixel_std", "[1,0,1]"},
                                                        {"score_clamp", "-1"},
                                                        {"max_hole_area", "-1"},
                                                        {"global_blocks", "[99]"},
                                                        {"global_blocks", "[-1]"},
                                                        {"box_rpb", "\"none\""},
                                                        {"seg_head_group_norm_groups", "0"},
                                                        {"inverse_sigmoid_eps", "1e300"},
                                                        {"stability_thresh", "-1"}})
    BOOST_TEST(contains(with(key, value), "config.json"), key << " " << value);
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
  BOOST_TEST(contains(refusal(deep), "nested too deeply"));
  std::string list = "{\"global_blocks\":[0";
  for (int i = 0; i < 2000; ++i) list += ",0";
  BOOST_TEST(contains(refusal(list + "]}"), "too long"));
  BOOST_TEST(contains(refusal(std::string((1 << 20) + 1, ' ')), "too large"));
}

BOOST_AUTO_TEST_CASE(a_configuration_may_be_nested_as_transformers_has_it) {
  const auto flat = open_checkpoint(golden::folder() / "weights.safetensors");
  BOOST_REQUIRE(flat);
  const auto& o = flat->sizes;
  const auto text = [](std::int64_t n) { return std::to_string(n); };
  std::string blocks;
  for (const auto b : o.global_blocks) blocks += (blocks.empty() ? "" : ",") + text(b);
  const std::string detector =
      "\"vision_config\":{\"x\":{\"image_size\":1},\"backbone_config\":{\"image_size\":[" +
      text(o.image_size) + "," + text(o.image_size) + "],\"window_size\":" + text(o.window) +
      ",\"num_attention_heads\":" + text(o.vit_heads) + ",\"global_attn_indexes\":[" + blocks +
      "],\"layer_norm_eps\":1e-06,\"layer_scale_init_value\":null}},\"text_config\":{" +
      "\"num_attention_heads\":" + text(o.text_heads) + "},\"detr_decoder_config\":{" +
      "\"num_attention_heads\":" + text(o.heads) + "}";
  const std::string rest = ",\"max_hole_area\":" + text(o.hole_area_max) +
                           ",\"tracker_config\":{\"mask_decoder_config\":{" +
                           "\"num_attention_heads\":" + text(o.sam_heads) + "}}}";
  for (const auto& config :
       {"{\"detector_config\":{" + detector + "}" + rest, "{" + detector + rest}) {
    changed c(naming::transformers);
    c.config = config;
    const auto read = open_checkpoint(c.write());
    BOOST_REQUIRE_MESSAGE(read, why(read));
    BOOST_TEST(read->sizes.image_size == o.image_size);
    BOOST_TEST(read->sizes.window == o.window);
    BOOST_TEST(read->sizes.vit_heads == o.vit_heads);
    BOOST_TEST(read->sizes.text_heads == o.text_heads);
    BOOST_TEST(read->sizes.heads == o.heads);
    BOOST_TEST(read->sizes.sam_heads == o.sam_heads);
    BOOST_TEST(read->sizes.global_blocks == o.global_blocks);
    BOOST_TEST(read->sizes.vit_norm_eps == options{}.vit_norm_eps);
  }
}

BOOST_AUTO_TEST_SUITE_END()
