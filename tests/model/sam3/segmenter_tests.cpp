// The `sam3` segmenter over the golden checkpoint: recorded answers end to end, chunks, several
// concepts, cancellation, lack of memory, shared weights.
#include "model/sam3/segmenter.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <fstream>

#include "model/sam3/description.hpp"
#include "tests/model/sam3/golden.hpp"
#include "tests/model/sam3/limited_memory.hpp"

using namespace samovar;
using namespace samovar::model::sam3;
using core::prompt_type;
using core::segmentation_mode;

namespace {

const std::filesystem::path folder =
    std::filesystem::path(SAMOVAR_SOURCE_DIR) / "tests/golden/sam3";
constexpr double score_error_max = 1e-3;
/// Against the reference; and between ways of chunking, where sums in another order may move a
/// pixel or two of these small masks.
constexpr double golden_iou_min = 0.999, chunked_iou_min = 0.99;

std::vector<std::uint8_t> bytes_of(const at::Tensor& t) {
  const at::Tensor flat = t.to(at::kByte).contiguous();
  return {flat.data_ptr<std::uint8_t>(), flat.data_ptr<std::uint8_t>() + flat.numel()};
}

/// A recorded picture (RGB) as the codec gives it (BGR).
std::shared_ptr<const core::pixels> picture(const std::string& name) {
  golden::file file(folder, "image");
  const at::Tensor rgb = file.input(name + ".input_u8");
  return std::make_shared<const core::pixels>(core::pixels{static_cast<std::int32_t>(rgb.size(1)),
                                                           static_cast<std::int32_t>(rgb.size(0)),
                                                           bytes_of(rgb.flip(2))});
}

/// A vocabulary as large as the released one, with three words whose ids a golden prompt has.
std::filesystem::path vocabulary() {
  static const auto path = [] {
    const auto file = std::filesystem::temp_directory_path() / "samovar_made_up_merges.txt";
    std::ofstream out(file);
    out << "#version: made up\n";
    for (int rank = 0; rank < 49408 - 512 - 2; ++rank) {
      if (rank == 4481 - 512)
        out << "a b</w>\n";
      else if (rank == 1228 - 512)
        out << "c d</w>\n";
      else if (rank == 2840 - 512)
        out << "e f</w>\n";
      else
        out << '<' << rank << " >\n";
    }
    return file;
  }();
  return path;
}

segmenter_settings plain() {
  segmenter_settings s;
  s.checkpoint = folder / "weights.safetensors";
  s.vocabulary = vocabulary();
  s.dtype = "fp32";
  return s;
}

const core::cancel_token never;

struct world {
  explicit world(const segmenter_settings& s = plain(), const std::string& name = "a")
      : segmenter(make_segmenter(s)) {
    auto encoded = segmenter->encode(picture(name), never);
    BOOST_REQUIRE_MESSAGE(encoded.ok(), (encoded ? "" : encoded.failure().detail));
    image = *encoded;
  }
  std::vector<core::detection> ask(segmentation_mode mode, const core::image_prompts& p) {
    auto found = segmenter->segment(*image, mode, p, never);
    BOOST_REQUIRE_MESSAGE(found.ok(), (found ? "" : found.failure().detail));
    return *found;
  }
  std::unique_ptr<core::segmenter> segmenter;
  std::shared_ptr<const core::encoding> image;
};

core::image_prompts boxes(int count) {
  core::image_prompts p;
  for (int i = 0; i < count; ++i)
    p.boxes.push_back({{}, {i % 50, i % 31, 20 + i % 17, 15 + i % 13}, prompt_type::segment});
  return p;
}

core::image_prompts points(const std::vector<core::point>& places) {
  core::image_prompts p;
  for (const auto& at : places) p.points.push_back({{}, at, p.points.empty()});
  return p;
}

core::image_prompts text(const std::string& words) {
  core::image_prompts p;
  p.text = words;
  return p;
}

double iou(const core::rle& a, const core::rle& b) {
  const auto x = core::decode_rle(a, 1), y = core::decode_rle(b, 1);
  double both = 0, either = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    both += x[i] & y[i];
    either += x[i] | y[i];
  }
  return either == 0 ? 1.0 : both / either;
}

core::rle rle_of(const at::Tensor& mask) {
  const auto h = static_cast<std::int32_t>(mask.size(0)),
             w = static_cast<std::int32_t>(mask.size(1));
  return core::encode_rle(bytes_of(mask), h, w, static_cast<std::size_t>(w));
}

void check_same(const std::vector<core::detection>& found,
                const std::vector<core::detection>& wanted, double iou_min) {
  BOOST_REQUIRE_EQUAL(found.size(), wanted.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    BOOST_TEST_CONTEXT("instance " << i) {
      BOOST_TEST(std::abs(found[i].score - wanted[i].score) < score_error_max);
      BOOST_TEST(iou(found[i].mask, wanted[i].mask) >= iou_min);
      BOOST_TEST((found[i] == core::make_detection(found[i].mask, found[i].score)));
    }
  }
}

void by_score(std::vector<core::detection>& d) {
  std::stable_sort(d.begin(), d.end(), [](auto& a, auto& b) { return a.score > b.score; });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sam3_segmenter)

BOOST_AUTO_TEST_CASE(one_click_gives_the_best_of_three_recorded_masks) {
  golden::file file(folder, "interactive");
  for (const auto& [name, shown, at] :
       std::vector<std::tuple<std::string, std::string, core::point>>{{"point", "a", {50, 37}},
                                                                      {"point_b", "b", {80, 33}}}) {
    world w(plain(), shown);
    const auto found = w.ask(segmentation_mode::point, points({at}));
    const at::Tensor ious = file.input(name + ".multi.ious")[0];
    const auto best = ious.argmax().item<std::int64_t>();
    const at::Tensor masks = file.input(name + ".multi.masks");
    const auto side = masks.dim();
    const at::Tensor mask = masks.select(side - 3, best).squeeze();
    check_same(found, {core::make_detection(rle_of(mask), ious[best].item<float>())},
               golden_iou_min);
  }
}

BOOST_AUTO_TEST_CASE(a_text_finds_the_recorded_instances) {
  golden::file file(folder, "grounding");
  auto s = plain();
  s.score_min = file.input("text_b.final.threshold").item<float>();
  s.area_min = 0;
  world w(s, "b");
  const at::Tensor scores = file.input("text_b.final.scores");
  const at::Tensor masks = file.input("text_b.final.masks");
  std::vector<core::detection> wanted;
  for (std::int64_t i = 0; i < scores.size(0); ++i)
    wanted.push_back(core::make_detection(rle_of(masks[i].squeeze()), scores[i].item<float>()));
  by_score(wanted);
  BOOST_REQUIRE_EQUAL(wanted.size(), 4U);
  check_same(w.ask(segmentation_mode::find_all, text("AB  cd ef")), wanted, golden_iou_min);
}

BOOST_AUTO_TEST_CASE(boxes_in_chunks_and_one_by_one_are_the_same) {
  auto s = plain();
  s.boxes_at_once = 100;
  world whole(s);
  const auto wanted = whole.ask(segmentation_mode::inside_box, boxes(23));
  BOOST_REQUIRE_EQUAL(wanted.size(), 23U);
  s.boxes_at_once = 5;
  world parts(s);
  check_same(parts.ask(segmentation_mode::inside_box, boxes(23)), wanted, chunked_iou_min);
  for (const std::size_t i : {0U, 7U, 22U}) {
    auto one = boxes(23);
    one.boxes = {one.boxes[i]};
    check_same(parts.ask(segmentation_mode::inside_box, one), {wanted[i]}, chunked_iou_min);
  }
  BOOST_TEST(!(wanted[0].mask == wanted[7].mask));
  BOOST_TEST(whole.ask(segmentation_mode::inside_box, {}).empty());
}

BOOST_AUTO_TEST_CASE(several_concepts_share_an_encoding) {
  auto s = plain();
  s.score_min = 0.0;
  s.concepts_at_once = 2;
  world w(s);
  std::vector<core::detection> wanted;
  for (const auto* words : {"ab", "cd cd", "ef ab"}) {
    const auto found = w.ask(segmentation_mode::find_all, text(words));
    BOOST_TEST(!found.empty());
    wanted.insert(wanted.end(), found.begin(), found.end());
  }
  by_score(wanted);
  const auto found = w.ask(segmentation_mode::find_all, text("ab; cd cd\nef ab"));
  BOOST_REQUIRE_EQUAL(found.size(), wanted.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    BOOST_TEST(std::abs(found[i].score - wanted[i].score) < score_error_max);
}

BOOST_AUTO_TEST_CASE(exemplars_work_without_a_vocabulary_and_change_the_answer) {
  auto s = plain();
  s.score_min = 0.0;
  world with(s);
  auto p = boxes(2);
  p.boxes[0].type = prompt_type::positive_exemplar;
  p.boxes[1].type = prompt_type::segment;
  s.vocabulary.clear();
  world without(s);
  BOOST_TEST(!without.segmenter->abilities().text);
  const auto one = without.ask(segmentation_mode::find_all, p);
  BOOST_TEST(!one.empty());
  p.boxes[1].type = prompt_type::negative_exemplar;
  const auto two = without.ask(segmentation_mode::find_all, p);
  BOOST_TEST(std::abs(one.at(0).score - two.at(0).score) > 1e-6);
  const auto words =
      without.segmenter->segment(*without.image, segmentation_mode::find_all, text("ab"), never);
  BOOST_REQUIRE(!words);
  BOOST_TEST((words.failure().code == core::error_code::unsupported_prompt));
}

BOOST_AUTO_TEST_CASE(thresholds_leave_out_what_they_should) {
  auto s = plain();
  s.score_min = 0.0;
  s.area_min = 0;
  world all(s);
  const auto found = all.ask(segmentation_mode::find_all, text("ab"));
  BOOST_REQUIRE_GT(found.size(), 3U);
  const auto count = [&](auto rule) {
    return static_cast<std::size_t>(std::count_if(found.begin(), found.end(), rule));
  };
  const double middle = (found[1].score + found[2].score) / 2;
  s.score_min = middle;
  BOOST_TEST(world(s).ask(segmentation_mode::find_all, text("ab")).size() ==
             count([&](auto& d) { return d.score > middle; }));
  s.score_min = 0.0;
  s.area_min = found[0].area + 1;
  BOOST_TEST(world(s).ask(segmentation_mode::find_all, text("ab")).size() ==
             count([&](auto& d) { return d.area > found[0].area; }));
  s.area_min = 1;
  s.overlap_max = 0.01;
  const auto apart = world(s).ask(segmentation_mode::find_all, text("ab"));
  BOOST_TEST(apart.size() < found.size());
  for (std::size_t i = 0; i < apart.size(); ++i)
    for (std::size_t k = 0; k < i; ++k) BOOST_TEST(iou(apart[i].mask, apart[k].mask) < 0.1);
}

BOOST_AUTO_TEST_CASE(a_cancelled_call_ends_at_its_next_stage) {
  auto& memory = limited_memory::installed();
  world w;
  const auto shown = picture("a");
  memory.forget();
  BOOST_REQUIRE(w.segmenter->encode(shown, never));
  const auto whole = memory.calls();
  core::cancel_token cancel;
  memory.forget();
  memory.at_call(whole / 4, [&] { cancel.cancel(); });
  const auto ended = w.segmenter->encode(shown, cancel);
  BOOST_REQUIRE(!ended);
  BOOST_TEST(ended.failure().detail == "Cancelled.");
  BOOST_TEST(memory.calls() < whole / 2);
  for (const auto mode :
       {segmentation_mode::inside_box, segmentation_mode::point, segmentation_mode::find_all}) {
    auto p = boxes(3);
    p.points = points({{5, 5}}).points;
    p.text = "ab";
    const auto late = w.segmenter->segment(*w.image, mode, p, cancel);
    BOOST_REQUIRE(!late);
    BOOST_TEST(late.failure().detail == "Cancelled.");
  }
}

BOOST_AUTO_TEST_CASE(short_memory_makes_chunks_smaller_and_then_a_clear_error) {
  auto& memory = limited_memory::installed();
  auto s = plain();
  s.boxes_at_once = 1;
  world one(s);
  memory.forget();
  const auto single = one.ask(segmentation_mode::inside_box, boxes(1));
  const auto small = memory.largest();
  s.boxes_at_once = 16;
  world many(s);
  memory.forget();
  const auto wanted = many.ask(segmentation_mode::inside_box, boxes(16));
  const auto large = memory.largest();
  BOOST_REQUIRE_GT(large, 4 * small);

  const auto shown = picture("a");
  const auto asked = boxes(16);
  memory.forget();
  memory.limit(3 * small);
  check_same(many.ask(segmentation_mode::inside_box, boxes(16)), wanted, chunked_iou_min);
  BOOST_TEST(memory.refusals() > 0);
  memory.limit(small / 2);
  const auto says_so = [](const std::exception& e) {
    return std::string(e.what()) == "The model's device has not enough memory for this image.";
  };
  BOOST_CHECK_EXCEPTION(
      many.segmenter->segment(*many.image, segmentation_mode::inside_box, asked, never),
      std::bad_alloc, says_so);
  BOOST_CHECK_EXCEPTION(many.segmenter->encode(shown, never), std::bad_alloc, says_so);
  memory.forget();
  // And it goes on when there is memory again.
  check_same(many.ask(segmentation_mode::inside_box, boxes(1)), single, chunked_iou_min);
}

BOOST_AUTO_TEST_CASE(segmenters_on_one_device_share_their_weights) {
  auto& memory = limited_memory::installed();
  memory.forget();
  auto first = make_segmenter(plain());
  const auto weights = memory.bytes();
  memory.forget();
  const auto second = make_segmenter(plain());
  BOOST_TEST(memory.bytes() < weights / 10);
  BOOST_TEST(first->identity() == second->identity());
  BOOST_TEST(first->identity() == describe(plain())->identity);
  first.reset();
  BOOST_TEST(second->encode(picture("a"), never).ok());
}

BOOST_AUTO_TEST_CASE(an_encoding_tells_its_size) {
  world w;
  const std::size_t g = 9, d = 32,
                    values = g * g * (16 + 4 + 1) * d + g * g * (16 * d / 8 + 4 * d / 4 + d);
  BOOST_TEST(w.image->bytes() == values * 4);
}

BOOST_AUTO_TEST_CASE(pictures_without_pixels_are_refused) {
  world w;
  const auto empty = std::make_shared<const core::pixels>(core::pixels{4, 4, {}});
  const auto r = w.segmenter->encode(empty, never);
  BOOST_REQUIRE(!r);
  BOOST_TEST((r.failure().code == core::error_code::internal));
}

BOOST_AUTO_TEST_CASE(a_device_that_is_not_there_is_refused) {
  auto s = plain();
  s.device = "cuda:99";
  BOOST_CHECK_THROW(make_segmenter(s), std::runtime_error);
  s = plain();
  s.dtype = "fp16";
  BOOST_CHECK_THROW(make_segmenter(s), std::runtime_error);
  s.dtype = "bf16";
  world half(s);
  BOOST_TEST(half.ask(segmentation_mode::point, points({{50, 37}})).size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
