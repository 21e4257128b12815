// What the golden data do not reach: other sizes, and the paths that only large sizes take.
#include <c10/core/GradMode.h>

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <map>
#include <numbers>
#include <sstream>

#include "bench/sam3_random.hpp"
#include "model/sam3/attention.hpp"
#include "model/sam3/finding.hpp"
#include "model/sam3/fused.hpp"
#include "model/sam3/json_reader.hpp"
#include "model/sam3/layers.hpp"
#include "model/sam3/network.hpp"
#include "model/sam3/positions.hpp"
#include "model/sam3/preprocess.hpp"
#include "model/sam3/threads.hpp"
#include "tests/model/sam3/made_files.hpp"

using namespace samovar::model::sam3;

namespace {

double distance(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>() /
         std::max(1.0, b.to(at::kDouble).abs().max().item<double>());
}

linear random_linear(std::int64_t in, std::int64_t out) {
  return {at::randn({out, in}) / std::sqrt(static_cast<double>(in)), at::randn({out})};
}

/// Unlike the golden set in every size.
options other_sizes() {
  options o;
  o.image_size = 128;
  o.patch = 16;
  o.vit_width = 40;
  o.vit_depth = 3;
  o.vit_heads = 2;
  o.vit_hidden = 100;
  o.window = 4;  // fills the grid of 8
  o.global_blocks = {2};
  o.position_side = 3;
  o.vocabulary = 700;
  o.context = 9;
  o.text_width = 20;
  o.text_depth = 1;
  o.text_heads = 4;
  o.text_hidden = 30;
  o.width = 48;
  o.heads = 6;
  o.hidden = 70;
  o.geometry_depth = 1;
  o.geometry_hidden = 50;
  o.roi = 5;
  o.encoder_depth = 1;
  o.decoder_depth = 2;
  o.decoder_hidden = 60;
  o.queries = 7;
  o.score_hidden = 90;
  o.group_norm_groups = 4;
  o.sam_heads = 3;
  o.sam_depth = 1;
  o.sam_hidden = 80;
  o.sam_inner = 24;
  o.sam_iou_hidden = 30;
  o.mask_tokens = 3;
  o.mask_channels = 8;
  return o;
}

std::string config_of(const options& o) {
  return "{\"image_size\":" + std::to_string(o.image_size) +
         ",\"window_size\":" + std::to_string(o.window) +
         ",\"vit_heads\":" + std::to_string(o.vit_heads) +
         ",\"text_heads\":" + std::to_string(o.text_heads) +
         ",\"sam_heads\":" + std::to_string(o.sam_heads) +
         ",\"seg_head_group_norm_groups\":" + std::to_string(o.group_norm_groups) +
         ",\"global_blocks\":[2]}";
}

using rows = std::vector<std::vector<double>>;

rows read_rows(json_reader& in) {
  rows out;
  in.array([&] {
    out.emplace_back();
    in.array([&] { out.back().push_back(in.number()); });
  });
  return out;
}

struct constants {
  std::map<std::string, rows> tables;
  std::vector<double> box;
  rows query;
};

/// Samples at the released model's size, to six digits.
constants read_constants() {
  std::ifstream file(SAMOVAR_SOURCE_DIR "/tests/golden/sam3/constants_fullsize.json");
  BOOST_REQUIRE(file);
  std::ostringstream all;
  all << file.rdbuf();
  const std::string text = all.str();
  json_reader in(text);
  constants out;
  in.object([&](std::string&& key) {
    if (key == "note") return in.skip();
    if (key != "query_sine") {
      out.tables[key] = read_rows(in);
      return;
    }
    in.object([&](std::string&& part) {
      if (part == "entries")
        out.query = read_rows(in);
      else
        in.array([&] { out.box.push_back(in.number()); });
    });
  });
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sam3_network)

BOOST_AUTO_TEST_CASE(tables_at_the_released_size) {
  const c10::NoGradGuard no_gradients;
  constexpr double six_digits = 2e-6;
  const options o;
  const auto samples = read_constants();
  const auto head = o.vit_width / o.vit_heads;
  const auto off = [](const at::Tensor& found, double wanted) {
    return std::abs(found.item<double>() - wanted);
  };
  const auto index = [](double v) { return static_cast<std::int64_t>(v); };
  for (const auto& [name, table] :
       {std::pair("rope_window", rotary_table(o.window, head, 1.0, o.rope_theta)),
        std::pair("rope_global",
                  rotary_table(o.grid(), head,
                               static_cast<double>(o.window) / static_cast<double>(o.grid()),
                               o.rope_theta))})
    for (const auto& r : samples.tables.at(name)) {
      BOOST_TEST(off(table[index(r[0])][index(r[1])][0], r[2]) < six_digits, name);
      BOOST_TEST(off(table[index(r[0])][index(r[1])][1], r[3]) < six_digits, name);
    }
  const at::Tensor map = sine_map(o.grid(), o.grid(), o.width);
  for (const auto& r : samples.tables.at("sine_map_72"))
    BOOST_TEST(off(map[index(r[1]) * o.grid() + index(r[2])][index(r[0])], r[3]) < six_digits);
  const auto& b = samples.box;  // (cx, cy, w, h)
  const at::Tensor turned =
      at::tensor({b.at(1), b.at(0), b.at(2), b.at(3)}, at::kDouble) * (2 * std::numbers::pi);
  const at::Tensor query = sines(turned.to(at::kFloat), sine_divisors(o.width / 2)).flatten();
  for (const auto& r : samples.query) BOOST_TEST(off(query[index(r[0])], r[1]) < six_digits);
}

BOOST_AUTO_TEST_CASE(pieces_of_rows_give_what_the_whole_gives) {
  const c10::NoGradGuard no_gradients;
  at::manual_seed(1);
  const auto first = random_linear(16, 4096), second = random_linear(4096, 24);
  const at::Tensor x = at::randn({2, 1000, 16});  // 32 MB between the two
  const at::Tensor whole = second(at::gelu(first(x)));
  const at::Tensor pieces = feed_forward(first, second, x);
  BOOST_TEST((pieces.sizes() == whole.sizes()));
  BOOST_TEST(distance(pieces, whole) < 1e-5);
}

BOOST_AUTO_TEST_CASE(attention_in_pieces_gives_what_the_whole_gives) {
  const c10::NoGradGuard no_gradients;
  at::manual_seed(2);
  // 2 heads of 2,000 x 2,000 scores are 32 MB.
  const at::Tensor q = at::randn({1, 2, 2000, 8}), k = at::randn({1, 2, 2000, 8}),
                   v = at::randn({1, 2, 2000, 8}), bias = at::randn({1, 2, 2000, 2000});
  const at::Tensor scores = at::matmul(q, k.transpose(2, 3)) / std::sqrt(8.0) + bias;
  const at::Tensor whole = at::matmul(at::softmax(scores, -1), v);
  BOOST_TEST(distance(attention_in_pieces(q, k, v, bias), whole) < 1e-5);
}

BOOST_AUTO_TEST_CASE(norms_in_bf16) {
  const c10::NoGradGuard no_gradients;
  at::manual_seed(4);
  for (const std::int64_t width : {1, 7, 40, 1024}) {
    layer_norm norm;
    norm.exact_weight = at::randn({width}), norm.exact_bias = at::randn({width});
    norm.weight = norm.exact_weight.to(at::kBFloat16),
    norm.bias = norm.exact_bias.to(at::kBFloat16);
    norm.eps = 1e-6;
    const auto wanted_of = [&](const at::Tensor& x) {
      return at::layer_norm(x.to(at::kDouble), {width}, norm.exact_weight.to(at::kDouble),
                            norm.exact_bias.to(at::kDouble), norm.eps);
    };
    const auto half_a_place = [](const at::Tensor& x) { return x.abs() / 256 + 1e-4; };
    // Far from zero for their spread, and a row of one value.
    at::Tensor x = (at::randn({2, 37, width}) + 30).to(at::kBFloat16);
    x[1][3].fill_(5);
    const at::Tensor wanted = wanted_of(x), found = norm(x);
    BOOST_TEST(found.scalar_type() == at::kBFloat16);
    BOOST_TEST(((found - wanted).abs() <= half_a_place(wanted)).all().item<bool>(), width);
    at::Tensor sum = x.clone();
    const at::Tensor y = at::randn({2, 37, width}).to(at::kBFloat16);
    const at::Tensor normed = add_and_norm(sum, y, norm);
    BOOST_TEST(sum.equal(x + y), width);
    BOOST_TEST(((normed - wanted_of(sum)).abs() <= half_a_place(wanted_of(sum))).all().item<bool>(),
               width);
  }
}

BOOST_AUTO_TEST_CASE(a_model_of_other_sizes_runs) {
  const c10::NoGradGuard no_gradients;
  at::manual_seed(3);
  set_cpu_threads(1);
  const auto o = other_sizes();
  const made::temporary_folder folder;
  folder.write("config.json", config_of(o));
  const auto path = folder.path() / "model.safetensors";
  samovar::bench::write_random_checkpoint(path, o, element::f32, 5);
  const auto c = open_checkpoint(path);
  BOOST_REQUIRE_MESSAGE(c, made::why(c));
  BOOST_TEST(c->sizes.roi == o.roi);
  BOOST_TEST(c->sizes.position_side == o.position_side);
  const auto net = load_network(*c, at::kCPU, at::kFloat);
  const auto padded = load_network(*c, at::kCPU, at::kFloat, /*padded_windows=*/true);
  const at::Tensor pixels = preprocess(at::randint(0, 256, {90, 130, 3}, at::kByte), net->sizes);
  const at::Tensor trunk = net->vision(pixels, {});
  BOOST_TEST((trunk.sizes() == at::IntArrayRef({1, 8, 8, o.vit_width})));
  BOOST_TEST(distance(padded->vision(pixels, {}), trunk) < 1e-4);  // windows kept together or not

  const auto levels = net->detector_levels(trunk);
  at::Tensor ids = at::zeros({2, o.context}, at::kLong);
  ids.narrow(1, 0, 3).copy_(at::randint(1, o.vocabulary, {2, 3}, at::kLong));
  geometry_prompt exemplar;
  exemplar.batch = 2;
  exemplar.boxes = at::full({2, 1, 4}, 0.5F);
  exemplar.box_labels = at::ones({2, 1}, at::kLong);
  const auto g = net->ground(levels, net->text(ids, {}), exemplar);
  BOOST_TEST((g.boxes.sizes() == at::IntArrayRef({2, o.queries, 4})));
  finding_options everything;
  everything.threshold = -1;
  const auto found = find_instances(*net, levels, g, 90, 130, everything);
  BOOST_REQUIRE(found.size() == 2);
  BOOST_TEST((found[0].logits.sizes() == at::IntArrayRef({o.queries, 32, 32})));
  BOOST_TEST(at::isfinite(found[0].logits).all().item<bool>());

  clicks box;
  box.boxes = at::tensor({10.0F, 10.0F, 60.0F, 50.0F}).view({1, 4});
  const auto masks = net->click(net->interactive_levels(trunk), box, 90, 130);
  BOOST_TEST((masks.masks.sizes() == at::IntArrayRef({1, o.mask_tokens, 32, 32})));
  BOOST_TEST(at::isfinite(masks.masks).all().item<bool>());
}

BOOST_AUTO_TEST_SUITE_END()
