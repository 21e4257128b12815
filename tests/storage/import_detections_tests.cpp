#include "storage/import_detections.hpp"

#include <boost/test/unit_test.hpp>

using namespace samovar;
using storage::import_coco;
using storage::import_counts;
using storage::import_union_mask;

namespace {

const core::image_id image{core::parse_uuid("0192f0aa-0000-7000-8000-000000000001").value()};

std::string coco(const std::string& segmentation,
                 const std::string& of = "0192f0aa-0000-7000-8000-000000000001") {
  return R"({"images": [], "categories": [], "annotations": [{"id": 1, "image_id": ")" + of +
         R"(", "category_id": 1, "area": 99, "bbox": [7, 7, 7, 7], "iscrowd": 1, "segmentation": )" +
         segmentation + "}]}";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(import_detections_tests)

BOOST_AUTO_TEST_CASE(counts_that_begin_with_two_zeros_are_put_right) {
  // The same mask, first pixel set: as it should be, and as the old program wrote it.
  const core::rle whole{2, 2, {0, 4}}, first{2, 3, {0, 1, 5}};
  BOOST_TEST((import_counts({0, 4}, 2, 2) == whole));
  BOOST_TEST((import_counts({0, 0, 4}, 2, 2) == whole));
  BOOST_TEST((import_counts({0, 0, 1, 5}, 2, 3) == first));
  BOOST_TEST((import_counts({3, 3}, 2, 3) == core::rle{2, 3, {3, 3}}));
  BOOST_TEST((import_counts({6}, 2, 3) == core::rle{2, 3, {6}}));
  BOOST_TEST(!import_counts({0, 0, 1, 4}, 2, 3).has_value());
  BOOST_TEST(!import_counts({}, 2, 3).has_value());
}

BOOST_AUTO_TEST_CASE(area_and_box_come_from_the_mask) {
  const auto found = import_coco(coco(R"({"counts": [0, 0, 1, 5], "size": [2, 3]})"), image);
  BOOST_REQUIRE(found.has_value());
  BOOST_REQUIRE(found->size() == 1u);
  BOOST_TEST(found->front().area == 1u);
  BOOST_TEST((found->front().bounds == core::box{0, 0, 1, 1}));
  BOOST_TEST(found->front().score == 1.0);
  BOOST_TEST(import_coco(R"({"annotations": []})", image)->empty());
}

BOOST_AUTO_TEST_CASE(what_is_not_such_a_file_is_refused) {
  for (const std::string& text :
       {std::string{}, std::string{"{}"}, std::string{"[]"}, std::string{"null"},
        coco(R"({"counts": [1, 2], "size": [2, 3]})"),
        coco(R"({"counts": [-1, 7], "size": [2, 3]})"), coco(R"({"counts": [6], "size": [2]})"),
        coco(R"({"counts": [6], "size": [-2, -3]})"),
        coco(R"({"counts": [6], "size": ["2", "3"]})"), coco("[[0, 0, 1, 1]]"), coco("null"),
        coco(R"({"counts": [6], "size": [2, 3]})", "0192f0aa-0000-7000-8000-000000000002"),
        coco(R"({"counts": [6], "size": [2, 3]})", "7"),
        coco(R"({"counts": [6], "size": [2, 3]})").substr(0, 90)})
    BOOST_TEST(!import_coco(text, image).has_value(), text);
}

BOOST_AUTO_TEST_CASE(the_union_mask_is_one_detection_or_none) {
  core::pixels mask{3, 2, std::vector<std::uint8_t>(18, 0)};
  BOOST_TEST(import_union_mask(mask).empty());
  for (int c = 0; c < 3; ++c) mask.data[3 * 4 + c] = 255;  // x 1, y 1
  const auto found = import_union_mask(mask);
  BOOST_REQUIRE(found.size() == 1u);
  BOOST_TEST((found[0].bounds == core::box{1, 1, 1, 1}));
  BOOST_TEST(found[0].area == 1u);
  BOOST_TEST(import_union_mask({1, 1, {255, 255, 255}}).empty());
}

BOOST_AUTO_TEST_SUITE_END()
