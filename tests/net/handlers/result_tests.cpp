#include <boost/test/unit_test.hpp>

#include "fakes.hpp"

using namespace samovar;
using namespace samovar::net::testing;

namespace {

const auto find_all = core::segmentation_mode::find_all;

struct result_world : world {
  core::image image = add_image(me, "Käse.tar.png", {4, 2});
  core::processing_result result =
      add_result(image, find_all,
                 {core::make_detection(mask_of({"##..", "##.."}), 0.9),
                  core::make_detection(mask_of({".#.#", "...."}), 0.4)});
  std::string path = "/api/v1/results/" + to_string(result.id);
  std::string mask = "/api/v1/process/mask/" + to_string(image.id);
  std::string coco = "/api/v1/process/export/" + to_string(image.id);
};

std::string bytes(std::initializer_list<int> values) {
  std::string out = "PNG 4x2 ";
  for (const int v : values) out.push_back(static_cast<char>(v));
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(results)

BOOST_AUTO_TEST_CASE(a_result_has_its_fields) {
  result_world w;
  const auto j = w.call("GET", w.path).parsed();
  BOOST_CHECK(names_of(j) ==
              (std::set<std::string>{"id", "job_id", "image_id", "mode", "processed_at", "model",
                                     "device_ms", "width", "height", "detections"}));
  BOOST_TEST(j["width"] == 4);
  BOOST_TEST(j["height"] == 2);
  const auto& d = j["detections"][0];
  BOOST_CHECK(names_of(d) ==
              (std::set<std::string>{"bbox", "score", "area", "segmentation", "polygon"}));
  BOOST_TEST(d["bbox"] == json::parse("[0,0,2,2]"));
  BOOST_TEST(d["segmentation"]["counts"] == core::to_coco_string(w.result.detections[0].mask));
  BOOST_TEST(d["polygon"].size() == 1u);
  w.actor.id = w.other;
  BOOST_TEST(w.call("GET", w.path).detail() == "Processing result not found");
  BOOST_TEST(w.call("GET", "/api/v1/results/x").status == 422);
}

// They are part of the snapshot of the job, which is read as a whole.
BOOST_AUTO_TEST_CASE(prompts_are_read_where_they_are_shown) {
  result_world w;
  w.results.rows.back().prompts.text = "cat";
  for (const auto& path : {w.path, w.path + "/mask", w.mask + "?mode=find_all",
                           std::string("/api/v1/exports/masks?mode=find_all")})
    BOOST_TEST(w.call("GET", path).status == 200);
  BOOST_TEST(w.results.prompt_reads == 0);
  for (int i = 0; i < 2; ++i)  // drawn once
    BOOST_TEST(w.call("GET", w.coco + "?mode=find_all").parsed()["categories"][0]["name"] == "cat");
  BOOST_TEST(w.results.prompt_reads == 1);
  w.add_result(w.image, core::segmentation_mode::inside_box, {});
  BOOST_TEST(w.call("GET", w.coco).status == 200);
  BOOST_TEST(w.results.prompt_reads == 1);
}

BOOST_AUTO_TEST_CASE(an_export_reads_its_results_many_at_a_time) {
  world w;
  for (int i = 0; i < 1250; ++i) {
    const auto image = w.add_image(w.me, std::to_string(i) + ".png", {4, 2});
    if (i % 3 == 0) continue;
    w.add_result(image, find_all, {core::make_detection(mask_of({"##..", "##.."}), 1)});
    w.results.rows.back().prompts.text = i % 2 == 0 ? "cat" : "dog";
  }
  const auto check = [&](const std::string& more) {
    const auto all = w.call("GET", "/api/v1/exports/coco?mode=find_all" + more).parsed();
    BOOST_REQUIRE_EQUAL(all["images"].size(), 833u);
    BOOST_REQUIRE_EQUAL(all["annotations"].size(), 833u);
    for (std::size_t n = 0; n < 833; ++n) {
      const auto i = n / 2 * 3 + n % 2 + 1;
      BOOST_REQUIRE_EQUAL(all["images"][n]["file_name"], std::to_string(i) + ".png");
      const auto category = all["annotations"][n]["category_id"].get<std::size_t>();
      BOOST_REQUIRE_EQUAL(all["categories"][category - 1]["name"], i % 2 == 0 ? "cat" : "dog");
    }
  };
  check("");
  BOOST_TEST(w.results.runs == 13);
  BOOST_TEST(w.results.prompt_reads == 13);
  w.results.run_max = 7;  // as with very large results
  check("");
}

BOOST_AUTO_TEST_CASE(masks) {
  result_world w;
  const auto a = w.call("GET", w.path + "/mask");
  BOOST_TEST(a.type == "image/png");
  BOOST_TEST(a.body == bytes({255, 255, 0, 255, 255, 255, 0, 0}));
  BOOST_TEST(w.blobs.blobs.at(w.result.mask_blob_path) == a.body);
  BOOST_TEST(w.call("GET", w.path + "/mask").body == a.body);
  BOOST_TEST(w.codec.pngs == 1);
  BOOST_TEST(w.call("GET", w.path + "/mask?instance=1").body ==
             bytes({0, 255, 0, 255, 0, 0, 0, 0}));
  BOOST_TEST(w.call("GET", w.path + "/mask?format=indexed").body ==
             bytes({1, 1, 0, 2, 1, 1, 0, 0}));
  BOOST_TEST(w.call("GET", w.path + "/mask?instance=2").status == 404);
  BOOST_TEST(w.call("GET", w.path + "/mask?instance=-1").field() == "instance");
  BOOST_TEST(w.call("GET", w.path + "/mask?format=gif").field() == "format");
  const call_options known{{{"if-none-match", a.headers.at("ETag")}}, {}, {}};
  BOOST_TEST(w.call("GET", w.path + "/mask", "", known).status == 304);
  BOOST_TEST(w.call("GET", w.path + "/mask?instance=1", "", known).status == 200);
}

BOOST_AUTO_TEST_CASE(nothing_found_is_a_black_mask_of_the_images_size) {
  result_world w;
  const auto r = w.add_result(w.image, find_all, {});
  BOOST_TEST(w.call("GET", "/api/v1/results/" + to_string(r.id) + "/mask").body ==
             bytes({0, 0, 0, 0, 0, 0, 0, 0}));
}

BOOST_AUTO_TEST_CASE(too_many_instances_for_labels) {
  result_world w;
  const std::vector<core::detection> many(256, w.result.detections[0]);
  const auto r = w.add_result(w.image, find_all, many);
  const auto path = "/api/v1/results/" + to_string(r.id) + "/mask";
  BOOST_TEST(w.call("GET", path + "?format=indexed").field() == "format");
  BOOST_TEST(w.call("GET", path + "?instance=255").status == 200);
}

BOOST_AUTO_TEST_CASE(the_newest_mask) {
  result_world w;
  BOOST_TEST(w.call("GET", w.mask + "?mode=find_all").status == 200);
  const auto none = w.call("GET", w.mask);
  BOOST_TEST(none.status == 404);
  BOOST_TEST(none.detail() == "Mask not found for this image with mode inside_box");
  BOOST_TEST(w.call("GET", w.mask + "?mode=nope").field() == "mode");
  w.actor.id = w.other;
  BOOST_TEST(w.call("GET", w.mask + "?mode=find_all").detail() == "Image not found");
}

BOOST_AUTO_TEST_CASE(exporting_one_image) {
  result_world w;
  const auto a = w.call("GET", w.coco + "?mode=find_all");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.parsed()["annotations"].size() == 2u);
  BOOST_TEST(a.headers.at("Content-Disposition") ==
             "attachment; filename=\"K_se.tar_coco.json\"; "
             "filename*=UTF-8''K%C3%A4se.tar_coco.json");
  BOOST_TEST(w.blobs.blobs.at(w.result.coco_json_blob_path) == a.body);
  BOOST_TEST(w.call("GET", w.coco + "?mode=find_all").body == a.body);
  const auto runs = w.call("GET", w.coco + "?mode=find_all&rle=uncompressed").parsed();
  BOOST_TEST(runs["annotations"][0]["segmentation"]["counts"].is_array());
  const auto rings = w.call("GET", w.coco + "?mode=find_all&segmentation=polygon").parsed();
  BOOST_TEST(rings["annotations"][0]["segmentation"].is_array());
  const auto none = w.call("GET", w.coco + "?mode=point");
  BOOST_TEST(none.detail() == "Image has not been processed yet with mode point");
  BOOST_TEST(w.call("GET", w.coco + "?rle=x").field() == "rle");
  BOOST_TEST(w.call("GET", w.coco + "?segmentation=x").field() == "segmentation");
  w.actor.id = w.other;
  BOOST_TEST(w.call("GET", w.coco).detail() == "Image not found");
}

BOOST_AUTO_TEST_CASE(exporting_many_images) {
  result_world w;
  w.result = w.results.rows.back();
  w.results.rows.back().prompts.text = "cat";
  for (int n = 0; n < 1500; ++n) {
    const auto i = w.add_image(w.me, "n.png", {4, 2});
    if (n % 3 == 0) w.add_result(i, find_all, {w.result.detections[1]});
  }
  const auto a = w.call("GET", "/api/v1/exports/coco?mode=find_all");
  BOOST_TEST(a.streamed);
  const auto j = a.parsed();
  BOOST_TEST(j["images"].size() == 501u);
  BOOST_TEST(j["annotations"].size() == 502u);
  BOOST_TEST(j["categories"].size() == 2u);
  std::set<int> ids;
  for (const auto& n : j["annotations"]) ids.insert(n["id"].get<int>());
  BOOST_TEST(ids.size() == 502u);
  const auto some =
      w.call("GET", "/api/v1/exports/coco?mode=find_all&image_ids=" + to_string(w.image.id) + "," +
                        to_string(w.image.id))
          .parsed();
  BOOST_TEST(some["images"].size() == 1u);
  BOOST_TEST(w.call("GET", "/api/v1/exports/coco?image_ids=x").field() == "image_ids");
  BOOST_TEST(w.call("GET", "/api/v1/exports/coco?image_ids=").status == 400);
  w.actor.id = w.other;
  const auto foreign = w.call("GET", "/api/v1/exports/coco?image_ids=" + to_string(w.image.id));
  BOOST_TEST(foreign.detail() == "No valid image IDs provided");
  BOOST_TEST(w.call("GET", "/api/v1/exports/coco").parsed()["images"].empty());
}

BOOST_AUTO_TEST_SUITE_END()
