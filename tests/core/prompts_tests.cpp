#include <boost/test/unit_test.hpp>
#include <limits>

#include "core/accounts.hpp"
#include "core/change_detection.hpp"
#include "core/errors.hpp"
#include "core/time.hpp"

using namespace samovar::core;

namespace {

uuid number(std::uint8_t n) {
  uuid id;
  id.bytes[15] = n;
  return id;
}
box_prompt make_box(std::uint8_t n, prompt_type t = prompt_type::segment, box b = {1, 2, 3, 4}) {
  return {annotation_id{number(n)}, b, t};
}
point_prompt make_point(std::uint8_t n, bool positive = true, point p = {5, 6}) {
  return {point_id{number(n)}, p, positive};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(prompts_tests)

BOOST_AUTO_TEST_CASE(geometry_sentences_and_edges) {
  const size image{100, 50};
  const auto sentence = [&](box b) {
    const auto e = check_box(b, image);
    return e ? e->detail : std::string();
  };
  BOOST_TEST(sentence({0, 0, 100, 50}) == "");
  BOOST_TEST(sentence({99, 49, 1, 1}) == "");
  BOOST_TEST(sentence({0, 0, 0, 5}) == "Bounding box must have positive dimensions");
  BOOST_TEST(sentence({0, 0, 5, -1}) == "Bounding box must have positive dimensions");
  BOOST_TEST(sentence({-1, 0, 5, 5}) == "Bounding box coordinates must be non-negative");
  BOOST_TEST(sentence({1, 0, 100, 5}) == "Bounding box exceeds image width");
  BOOST_TEST(sentence({0, 1, 5, 50}) == "Bounding box exceeds image height");
  const auto big = std::numeric_limits<std::int32_t>::max();
  BOOST_TEST(sentence({big, big, big, big}) == "Bounding box exceeds image width");
  BOOST_TEST(check_point({99, 49}, image).has_value() == false);
  BOOST_TEST(check_point({100, 0}, image)->detail == "Point x coordinate exceeds image width");
  BOOST_TEST(check_point({0, 50}, image)->detail == "Point y coordinate exceeds image height");
  BOOST_TEST(check_point({-1, 0}, image)->detail == "Point coordinates must be non-negative");
  BOOST_TEST(box_iou({0, 0, 2, 2}, {1, 1, 2, 2}) == 1.0 / 7.0);
  BOOST_TEST(box_iou({0, 0, 0, 0}, {0, 0, 0, 0}) == 0.0);
}

BOOST_AUTO_TEST_CASE(each_mode_sees_only_its_own_prompts) {
  image_prompts all;
  all.text = "cats";
  all.boxes = {make_box(1), make_box(2, prompt_type::positive_exemplar),
               make_box(3, prompt_type::negative_exemplar)};
  all.points = {make_point(4)};
  const auto inside = relevant_prompts(all, segmentation_mode::inside_box);
  BOOST_TEST((inside.boxes.size() == 1u && !inside.text && inside.points.empty()));
  const auto find = relevant_prompts(all, segmentation_mode::find_all);
  BOOST_TEST((find.boxes.size() == 2u && find.text == "cats" && find.points.empty()));
  const auto points = relevant_prompts(all, segmentation_mode::point);
  BOOST_TEST((points.boxes.empty() && !points.text && points.points.size() == 1u));
  image_prompts blank;
  blank.text = " \t";
  BOOST_TEST(!has_prompts(blank, segmentation_mode::find_all));
  blank.text = "x";
  BOOST_TEST(has_prompts(blank, segmentation_mode::find_all));
  BOOST_TEST(!has_prompts(blank, segmentation_mode::inside_box));
}

BOOST_AUTO_TEST_CASE(change_detection_rules) {
  using enum segmentation_mode;
  image_prompts none, one, moved, retyped, more, reordered;
  one.boxes = {make_box(1), make_box(2)};
  reordered.boxes = {make_box(2), make_box(1)};
  moved.boxes = {make_box(1, prompt_type::segment, {9, 2, 3, 4}), make_box(2)};
  retyped.boxes = {make_box(1, prompt_type::positive_exemplar), make_box(2)};
  more.boxes = {make_box(1), make_box(2), make_box(3)};

  BOOST_TEST(!needs_processing(none, std::nullopt, inside_box, false));
  BOOST_TEST(needs_processing(none, std::nullopt, inside_box, true));
  BOOST_TEST(needs_processing(one, std::nullopt, inside_box, false));
  BOOST_TEST(!needs_processing(one, one, inside_box, false));
  BOOST_TEST(!needs_processing(one, reordered, inside_box, false));
  BOOST_TEST(needs_processing(one, one, inside_box, true));
  for (const auto& other : {moved, retyped, more, none}) {
    BOOST_TEST(needs_processing(other, one, inside_box, false));
    BOOST_TEST(needs_processing(one, other, inside_box, false));
  }
  // The text counts for find_all only.
  auto texted = one;
  texted.text = "dog";
  BOOST_TEST(!needs_processing(texted, one, inside_box, false));
  BOOST_TEST(needs_processing(texted, one, find_all, false));
  BOOST_TEST(!needs_processing(texted, texted, find_all, false));
  // Another id at the same place is another prompt.
  auto renumbered = one;
  renumbered.boxes[0].id = annotation_id{number(77)};
  BOOST_TEST(needs_processing(renumbered, one, inside_box, false));
  // Prompts of other modes don't matter.
  auto pointed = one;
  pointed.points = {make_point(8)};
  BOOST_TEST(!needs_processing(pointed, one, inside_box, false));
  BOOST_TEST(needs_processing(pointed, one, point, false));
}

BOOST_AUTO_TEST_CASE(names_round_trip) {
  for (const auto m :
       {segmentation_mode::inside_box, segmentation_mode::find_all, segmentation_mode::point})
    BOOST_TEST((parse_segmentation_mode(to_string(m)) == m));
  for (const auto t :
       {prompt_type::segment, prompt_type::positive_exemplar, prompt_type::negative_exemplar})
    BOOST_TEST((parse_prompt_type(to_string(t)) == t));
  BOOST_TEST(!parse_segmentation_mode("INSIDE_BOX").has_value());
  BOOST_TEST(!parse_prompt_type("").has_value());
}

BOOST_AUTO_TEST_CASE(uuids) {
  const auto id = parse_uuid("0190163D-8694-739b-aea5-966c26f8ad91");
  BOOST_REQUIRE(id.has_value());
  BOOST_TEST(to_string(*id) == "0190163d-8694-739b-aea5-966c26f8ad91");
  for (const char* bad :
       {"", "0190163d", "0190163d-8694-739b-aea5-966c26f8ad9",
        "0190163d-8694-739b-aea5-966c26f8ad911", "0190163g-8694-739b-aea5-966c26f8ad91",
        "0190163d08694-739b-aea5-966c26f8ad91"})
    BOOST_TEST(!parse_uuid(bad).has_value());
  const auto made = make_uuid_v7(0x0123456789ABULL, ~0ULL, ~0ULL);
  BOOST_TEST(to_string(made) == "01234567-89ab-7fff-bfff-ffffffffffff");
  BOOST_TEST((make_uuid_v7(1, 0, 0) < make_uuid_v7(2, 0, 0)));
  BOOST_TEST(uuid{}.is_nil());
}

BOOST_AUTO_TEST_CASE(times) {
  const timestamp t{std::chrono::microseconds{1764052686123456}};
  BOOST_TEST(to_rfc3339(t) == "2025-11-25T06:38:06.123456Z");
  BOOST_TEST((parse_rfc3339(to_rfc3339(t)) == t));
  BOOST_TEST((parse_rfc3339("2025-11-25T06:38:06.5Z").value() - t).count() == 376544);
  for (const char* bad :
       {"", "2025-11-25", "2025-02-30T00:00:00Z", "2025-11-25T24:00:00Z", "2025-11-25T06:38:06",
        "2025-11-25T06:38:06.Z", "2025-11-25T06:38:06.123456789", "2025-11-25T06:38:06Zx",
        "2025-11-25T06:38:06+", "2025-11-25T06:38:06+02", "2025-11-25T06:38:06+0200",
        "2025-11-25T06:38:06+24:00", "2025-11-25T06:38:06+02:60", "2025-11-25T06:38:06+02:00Z",
        "2025-11-25 06:38:06Z", "9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+00:01"})
    BOOST_TEST(!parse_rfc3339(bad).has_value());
  // Other ways to write the same instant: what is finer than a microsecond is cut off.
  for (const char* same : {"2025-11-25T06:38:06.123456789Z", "2025-11-25T06:38:06.123456+00:00",
                           "2025-11-25T06:38:06.123456-00:00", "2025-11-25T08:38:06.123456+02:00",
                           "2025-11-24T23:08:06.123456-07:30", "2025-11-25t06:38:06.123456z"})
    BOOST_TEST((parse_rfc3339(same) == t), same);
}

BOOST_AUTO_TEST_CASE(emails) {
  BOOST_TEST(normalize_email("  Ada@Example.ORG ").value() == "ada@example.org");
  for (const char* bad : {"", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\n"})
    BOOST_TEST(!normalize_email(bad).has_value());
  BOOST_TEST(!normalize_email(std::string(300, 'a') + "@b").has_value());
}

BOOST_AUTO_TEST_CASE(every_error_code_has_a_name_and_a_status) {
  for (int i = 0; i <= static_cast<int>(error_code::storage_full); ++i) {
    const auto code = static_cast<error_code>(i);
    BOOST_TEST(http_status(code) >= 400);
    BOOST_TEST(!to_string(code).empty());
    BOOST_TEST((code == error_code::internal || to_string(code) != "internal"));
  }
}

BOOST_AUTO_TEST_SUITE_END()
