#include "net/coco.hpp"

#include <boost/test/unit_test.hpp>

#include "fakes.hpp"

using namespace samovar;
using namespace samovar::net::testing;
using net::coco_shape;

namespace {

core::segmentation_mode find_all = core::segmentation_mode::find_all;

json export_of(world& w, const core::processing_result& r, coco_shape shape, const core::image& i) {
  return json::parse(net::coco_json(w.codec, shape, i, r));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(coco)

BOOST_AUTO_TEST_CASE(a_dataset_has_what_pycocotools_reads) {
  world w;
  const auto i = w.add_image(w.me, "two.png", {4, 2});
  auto r = w.add_result(i, find_all,
                        {core::make_detection(mask_of({"##..", "##.."}), 0.9),
                         core::make_detection(mask_of({"...#", "...."}), 0.4)});
  r.prompts.text = "cat";
  const auto j = export_of(w, r, coco_shape::compressed, i);
  BOOST_CHECK(names_of(j) ==
              (std::set<std::string>{"info", "licenses", "images", "annotations", "categories"}));
  BOOST_TEST(j["images"].size() == 1u);
  BOOST_TEST(j["images"][0]["id"].is_number_integer());
  BOOST_TEST(j["images"][0]["file_name"] == "two.png");
  BOOST_TEST(j["images"][0]["uuid"] == to_string(i.id));
  BOOST_TEST(j["categories"][0]["name"] == "cat");
  BOOST_REQUIRE_EQUAL(j["annotations"].size(), 2u);
  for (const auto& a : j["annotations"]) {
    BOOST_TEST(a["image_id"] == j["images"][0]["id"]);
    BOOST_TEST(a["category_id"] == j["categories"][0]["id"]);
    BOOST_TEST(a["iscrowd"] == 0);
    BOOST_TEST(a["segmentation"]["size"] == json::parse("[2,4]"));
    BOOST_TEST(!a.contains("point_prompts"));
  }
  BOOST_TEST(j["annotations"][0]["id"] != j["annotations"][1]["id"]);
  BOOST_TEST(j["annotations"][0]["bbox"] == json::parse("[0,0,2,2]"));
  BOOST_TEST(j["annotations"][0]["area"] == 4);
  BOOST_TEST(j["annotations"][1]["bbox"] == json::parse("[3,0,1,1]"));
  BOOST_TEST(j["annotations"][1]["score"] == 0.4);
}

BOOST_AUTO_TEST_CASE(masks_of_every_kind_come_back) {
  const std::vector<std::vector<std::string>> masks{
      {"#..", "..."}, {"...", "..."}, {"###", "###"},        {"#", ".", "#"},
      {"#"},          {"."},          {"###", "#.#", "###"}, {"..#", "..#"}};
  for (const auto& rows : masks) {
    world w;
    const auto mask = mask_of(rows);
    const auto i = w.add_image(w.me, "m.png", {mask.width, mask.height});
    const auto r = w.add_result(i, find_all, {core::make_detection(mask, 1)});
    const auto compressed = export_of(w, r, coco_shape::compressed, i)["annotations"][0];
    const auto back = core::from_coco_string(
        compressed["segmentation"]["counts"].get<std::string>(), mask.height, mask.width);
    BOOST_REQUIRE(back);
    BOOST_CHECK(*back == mask);
    const auto plain = export_of(w, r, coco_shape::uncompressed, i)["annotations"][0];
    const auto counts = plain["segmentation"]["counts"].get<std::vector<std::uint32_t>>();
    BOOST_CHECK(*core::from_counts(counts, mask.height, mask.width) == mask);
    std::uint64_t set = 0;
    for (const auto& row : rows) set += std::count(row.begin(), row.end(), '#');
    BOOST_TEST(compressed["area"] == set);
  }
}

BOOST_AUTO_TEST_CASE(polygons_fall_back_to_runs_when_too_small) {
  world w;
  const auto i = w.add_image(w.me, "p.png", {4, 2});
  const auto r = w.add_result(i, find_all,
                              {core::make_detection(mask_of({"##..", "##.."}), 1),
                               core::make_detection(mask_of({"...#", "...."}), 1)});
  const auto j = export_of(w, r, coco_shape::polygon, i)["annotations"];
  BOOST_TEST(j[0]["segmentation"] == json::parse("[[0,0,2,0,2,2,0,2]]"));
  BOOST_TEST(j[1]["segmentation"]["counts"].is_string());
}

BOOST_AUTO_TEST_CASE(point_mode_carries_its_prompts) {
  world w;
  const auto i = w.add_image(w.me, "p.png", {2, 1});
  auto r =
      w.add_result(i, core::segmentation_mode::point, {core::make_detection(mask_of({"#."}), 1)});
  r.prompts.points = {{{}, {0, 0}, true}, {{}, {1, 0}, false}};
  r.prompts.text = "ignored in this mode";
  const auto j = export_of(w, r, coco_shape::compressed, i);
  BOOST_TEST(
      j["annotations"][0]["point_prompts"] ==
      json::parse(R"([{"x":0,"y":0,"is_positive":true},{"x":1,"y":0,"is_positive":false}])"));
  BOOST_TEST(j["categories"][0]["name"] == "object");
}

BOOST_AUTO_TEST_CASE(nothing_found_is_still_a_dataset) {
  world w;
  const auto i = w.add_image(w.me);
  const auto r = w.add_result(i, find_all, {});
  const auto j = export_of(w, r, coco_shape::compressed, i);
  BOOST_TEST(j["annotations"].empty());
  BOOST_TEST(j["images"].size() == 1u);
  BOOST_TEST(j["categories"].size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
