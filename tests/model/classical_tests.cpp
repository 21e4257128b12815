// The classical segmenter's manners: order, borders, odd sizes, determinism. Quality has its own
// file.
#include "model/segment_file.hpp"

#include <opencv2/imgcodecs.hpp>

#include "photographs.hpp"

using namespace samovar;
using namespace samovar::model::tests;

namespace {

cv::Mat disc_scene(int width, int height, cv::Point at, int radius) {
  cv::Mat m(height, width, CV_8UC3, cv::Scalar(90, 140, 90));
  cv::RNG random(5);
  cv::Mat noise(m.size(), CV_8UC3);
  random.fill(noise, cv::RNG::UNIFORM, 0, 20);
  m += noise;
  cv::circle(m, at, radius, cv::Scalar(40, 60, 210), cv::FILLED, cv::LINE_AA);
  return m;
}

cv::Mat disc_mask(const cv::Mat& like, cv::Point at, int radius) {
  cv::Mat m = cv::Mat::zeros(like.size(), CV_8UC1);
  cv::circle(m, at, radius, cv::Scalar(255), cv::FILLED);
  return m;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(classical)

BOOST_AUTO_TEST_CASE(one_detection_per_segment_box_in_order) {
  auto m = disc_scene(300, 200, {60, 60}, 30);
  cv::circle(m, {220, 130}, 40, cv::Scalar(200, 40, 40), cv::FILLED);
  auto prompts = boxes({{175, 85, 90, 90}, {25, 25, 70, 70}, {400, 400, 10, 10}, {140, 20, 40, 30}},
                       core::prompt_type::segment);
  prompts.boxes.insert(prompts.boxes.begin(),
                       {{}, {0, 0, 20, 20}, core::prompt_type::positive_exemplar});
  const auto s = model::make_classical_segmenter();
  const auto found = ask(*s, to_pixels(m), core::segmentation_mode::inside_box, prompts);
  BOOST_REQUIRE_EQUAL(found.size(), 4U);
  BOOST_CHECK_GT(mask_iou(to_mat(found[0].mask), disc_mask(m, {220, 130}, 40)), 0.92);
  BOOST_CHECK_GT(mask_iou(to_mat(found[1].mask), disc_mask(m, {60, 60}, 30)), 0.92);
  BOOST_CHECK_EQUAL(found[2].area, 0U);
  BOOST_CHECK_EQUAL(found[2].score, 0.0);
  for (const auto& d : found) {
    BOOST_CHECK(d.score >= 0 && d.score <= 1);
    BOOST_CHECK_EQUAL(d.mask.width, 300);
    BOOST_CHECK_EQUAL(d.mask.height, 200);
  }
  BOOST_CHECK_GT(found[0].score, found[3].score);  // an empty patch is less sure than an object
}

BOOST_AUTO_TEST_CASE(a_point_gives_the_object_under_it) {
  const auto m = disc_scene(300, 200, {120, 90}, 45);
  core::image_prompts p;
  p.points.push_back({{}, {130, 95}, true});
  p.points.push_back({{}, {20, 20}, false});
  const auto s = model::make_classical_segmenter();
  const auto found = ask(*s, to_pixels(m), core::segmentation_mode::point, p);
  BOOST_REQUIRE_EQUAL(found.size(), 1U);
  BOOST_CHECK_GT(mask_iou(to_mat(found[0].mask), disc_mask(m, {120, 90}, 45)), 0.93);
}

BOOST_AUTO_TEST_CASE(any_size_of_image_and_box_is_survived) {
  const auto s = model::make_classical_segmenter();
  for (const auto& size : {cv::Size(1, 1), cv::Size(2, 1), cv::Size(3, 3), cv::Size(1, 500),
                           cv::Size(500, 2), cv::Size(40, 40)}) {
    cv::Mat m(size, CV_8UC3, cv::Scalar::all(120));
    for (const bool even : {true, false}) {
      if (!even) cv::randu(m, 0, 255);
      const auto all = boxes({{0, 0, 1, 1},
                              {0, 0, size.width, size.height},
                              {-5, -5, size.width + 10, size.height + 10},
                              {size.width - 1, size.height - 1, 1, 1},
                              {2'000'000'000, 2'000'000'000, 2'000'000'000, 2'000'000'000},
                              {0, 0, 2'147'483'647, 2'147'483'647}},
                             core::prompt_type::segment);
      BOOST_CHECK_EQUAL(ask(*s, to_pixels(m), core::segmentation_mode::inside_box, all).size(),
                        all.boxes.size());
      core::image_prompts points;
      points.points.push_back({{}, {0, 0}, true});
      points.points.push_back({{}, {size.width - 1, 0}, false});
      BOOST_CHECK_EQUAL(ask(*s, to_pixels(m), core::segmentation_mode::point, points).size(), 1U);
      const auto exemplar = boxes({{0, 0, std::min(9, size.width), std::min(9, size.height)}},
                                  core::prompt_type::positive_exemplar);
      ask(*s, to_pixels(m), core::segmentation_mode::find_all, exemplar);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_24_megapixel_image_works) {
  const auto m = disc_scene(6000, 4000, {3000, 2000}, 1500);
  const auto s = model::make_classical_segmenter();
  const auto found = ask(*s, to_pixels(m), core::segmentation_mode::inside_box,
                         boxes({{1450, 450, 3100, 3100}}, core::prompt_type::segment));
  BOOST_CHECK_GT(mask_iou(to_mat(found.at(0).mask), disc_mask(m, {3000, 2000}, 1500)), 0.97);
}

BOOST_AUTO_TEST_CASE(the_same_question_has_the_same_answer) {
  const auto image = photograph("messi5.jpg");
  const auto prompts = boxes({{336, 287, 54, 51}}, core::prompt_type::segment);
  const auto s = model::make_classical_segmenter();
  const auto first = ask(*s, image, core::segmentation_mode::inside_box, prompts);
  cv::theRNG().state = 12345;
  BOOST_CHECK(first == ask(*s, image, core::segmentation_mode::inside_box, prompts));
  BOOST_CHECK(first == ask(*model::make_classical_segmenter(), image,
                           core::segmentation_mode::inside_box, prompts));
}

BOOST_AUTO_TEST_CASE(a_text_alone_names_what_is_missing) {
  const auto s = model::make_classical_segmenter();
  BOOST_CHECK(!s->abilities().text);
  BOOST_CHECK(!s->abilities().text_unavailable_reason.empty());
  const core::cancel_token never;
  const auto code = s->encode(to_pixels(disc_scene(60, 60, {30, 30}, 10)), never);
  core::image_prompts p;
  p.text = "disc";
  const auto found = s->segment(**code, core::segmentation_mode::find_all, p, never);
  BOOST_REQUIRE(!found.ok());
  BOOST_CHECK(found.failure().code == core::error_code::unsupported_prompt);
  BOOST_CHECK_NE(found.failure().detail.find("SAM 3"), std::string::npos);
  p.boxes.push_back({{}, {18, 18, 24, 24}, core::prompt_type::positive_exemplar});
  BOOST_CHECK(s->segment(**code, core::segmentation_mode::find_all, p, never).ok());
}

BOOST_AUTO_TEST_CASE(a_cancelled_question_stops) {
  const auto s = model::make_classical_segmenter();
  core::cancel_token cancel;
  cancel.cancel();
  const auto code = s->encode(to_pixels(disc_scene(60, 60, {30, 30}, 10)), cancel);
  const auto found = s->segment(**code, core::segmentation_mode::inside_box,
                                boxes({{18, 18, 24, 24}}, core::prompt_type::segment), cancel);
  BOOST_CHECK(!found.ok());
}

BOOST_AUTO_TEST_CASE(a_file_is_segmented_for_the_command_line) {
  const auto path = std::filesystem::temp_directory_path() / "samovar_segment_file.png";
  cv::imwrite(path.string(), disc_scene(300, 200, {120, 90}, 45));
  const auto s = model::make_classical_segmenter();
  const auto codec = model::make_image_codec();
  const auto found = model::segment_file(path, {{70, 40, 100, 100}}, "", *s, *codec);
  BOOST_REQUIRE(found.ok());
  BOOST_CHECK_EQUAL(found->size(), 1U);
  BOOST_CHECK(!model::segment_file(path, {{290, 40, 100, 100}}, "", *s, *codec).ok());
  std::filesystem::remove(path);
  BOOST_CHECK(!model::segment_file(path, {{70, 40, 100, 100}}, "", *s, *codec).ok());
}

BOOST_AUTO_TEST_SUITE_END()
