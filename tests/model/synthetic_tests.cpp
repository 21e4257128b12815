#include "model/synthetic.hpp"

#include <boost/test/unit_test.hpp>

using namespace samovar;

namespace {

std::shared_ptr<const core::pixels> sized(int w, int h) {
  return std::make_shared<const core::pixels>(core::pixels{w, h, {}});
}

core::outcome<std::vector<core::detection>> ask(core::segmenter& s, core::segmentation_mode mode,
                                                const core::image_prompts& prompts,
                                                const core::cancel_token& cancel = {}) {
  const auto code = s.encode(sized(100, 80), cancel);
  return s.segment(**code, mode, prompts, cancel);
}

core::image_prompts some_prompts() {
  core::image_prompts p;
  p.text = "cup";
  p.boxes.push_back({{}, {10, 20, 30, 40}, core::prompt_type::segment});
  p.boxes.push_back({{}, {90, 70, 30, 40}, core::prompt_type::segment});
  p.points.push_back({{}, {50, 40}, true});
  return p;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(synthetic)

BOOST_AUTO_TEST_CASE(masks_are_deterministic_valid_and_in_order) {
  for (const auto mode : {core::segmentation_mode::inside_box, core::segmentation_mode::point,
                          core::segmentation_mode::find_all}) {
    const auto a = ask(*model::make_synthetic_segmenter(0.0), mode, some_prompts());
    const auto b = ask(*model::make_synthetic_segmenter(0.0), mode, some_prompts());
    BOOST_REQUIRE(a.ok() && b.ok());
    BOOST_CHECK(*a == *b);
    for (const auto& d : *a) {
      const auto clean = core::from_counts(d.mask.counts, 80, 100);
      BOOST_REQUIRE(clean.has_value());
      BOOST_CHECK(*clean == d.mask);
      BOOST_CHECK_GT(d.area, 0U);
      BOOST_CHECK(d.score > 0 && d.score <= 1);
    }
  }
  const auto boxes = ask(*model::make_synthetic_segmenter(0.0), core::segmentation_mode::inside_box,
                         some_prompts());
  BOOST_REQUIRE_EQUAL(boxes->size(), 2U);
  BOOST_CHECK((*boxes)[0].bounds == (core::box{10, 20, 30, 40}));
  BOOST_CHECK_CLOSE(static_cast<double>((*boxes)[0].area), 3.14159 * 15 * 20, 3.0);
}

BOOST_AUTO_TEST_CASE(faults_come_when_asked_for) {
  model::synthetic_config c;
  c.fail_every_n = 2;
  c.throw_every_n = 3;
  const auto s = model::make_synthetic_segmenter(c);
  const auto go = [&] { return ask(*s, core::segmentation_mode::inside_box, some_prompts()); };
  BOOST_CHECK(go().ok());
  BOOST_CHECK(!go().ok());
  BOOST_CHECK_THROW(go(), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(a_cancelled_call_ends_early) {
  core::cancel_token cancel;
  cancel.cancel();
  const auto s = model::make_synthetic_segmenter(3'600'000.0);
  BOOST_CHECK(!ask(*s, core::segmentation_mode::inside_box, some_prompts(), cancel).ok());
}

BOOST_AUTO_TEST_SUITE_END()
