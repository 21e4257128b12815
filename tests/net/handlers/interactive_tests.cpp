#include <boost/test/unit_test.hpp>

#include "fakes.hpp"

using namespace samovar;
using namespace samovar::net::testing;

namespace {

struct click_world : world {
  core::image cat = add_image(me, "cat.png");
  std::string path = "/api/v1/images/" + to_string(cat.id) + "/segment";
};

}  // namespace

BOOST_AUTO_TEST_SUITE(interactive)

BOOST_AUTO_TEST_CASE(the_prompts_choose_the_mode) {
  click_world w;
  const auto mode_of = [&](const char* body) {
    const auto r = w.call("POST", w.path, body);
    BOOST_TEST(r.status == 200);
    return r.parsed()["mode"].get<std::string>();
  };
  BOOST_TEST(mode_of(R"({"boxes":[{"x":1,"y":1,"width":3,"height":3}]})") == "inside_box");
  BOOST_TEST(mode_of(R"({"points":[{"x":1,"y":1},{"x":2,"y":2,"is_positive":false}]})") == "point");
  BOOST_TEST(!script().clicks.back().prompts.points[1].is_positive);
  BOOST_TEST(mode_of(R"({"text":"cats"})") == "find_all");
  BOOST_TEST(mode_of(R"({"boxes":[{"x":1,"y":1,"width":3,"height":3,
                                   "prompt_type":"positive_exemplar"}]})") == "find_all");
  BOOST_TEST(mode_of(R"({"mode":"inside_box","points":[{"x":1,"y":1}],
                         "boxes":[{"x":1,"y":1,"width":3,"height":3}]})") == "inside_box");
  BOOST_TEST(script().clicks.back().prompts.points.empty());
  BOOST_TEST(script().clicks.back().blob_path == w.cat.blob_path);
}

BOOST_AUTO_TEST_CASE(the_answer_has_detections) {
  click_world w;
  core::rle mask{w.cat.height, w.cat.width, {}};
  mask.counts = {0, static_cast<std::uint32_t>(w.cat.height * w.cat.width)};
  script().click_output = {{core::make_detection(mask, 0.5)}, "classical/1", 3.0};
  const auto r = w.call("POST", w.path, R"({"points":[{"x":1,"y":1}]})").parsed();
  BOOST_CHECK(names_of(r) ==
              (std::set<std::string>{"image_id", "mode", "model", "device_ms", "detections"}));
  BOOST_REQUIRE_EQUAL(r["detections"].size(), 1u);
  BOOST_TEST(r["detections"][0]["area"] == w.cat.height * w.cat.width);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_named) {
  click_world w;
  const auto refused = [&](const char* body, int status, const std::string& part) {
    const auto r = w.call("POST", w.path, body);
    BOOST_TEST_CONTEXT(body) {
      BOOST_TEST(r.status == status);
      BOOST_TEST(r.detail().find(part) != std::string::npos);
    }
  };
  refused("{}", 422, "boxes, points or text");
  refused(R"({"mode":"point","boxes":[{"x":1,"y":1,"width":3,"height":3}]})", 422, "mode point");
  refused(R"({"boxes":3})", 422, "boxes");
  refused(R"({"boxes":[3]})", 422, "boxes[0]");
  refused(R"({"boxes":[{"x":1,"y":1,"width":3}]})", 422, "boxes[0].height");
  refused(R"({"boxes":[{"x":"1","y":1,"width":3,"height":1}]})", 422, "boxes[0].x");
  refused(R"({"boxes":[{"x":1,"y":1,"width":3,"height":1,"prompt_type":"x"}]})", 422,
          "boxes[0].prompt_type");
  refused(R"({"points":[{"x":1}]})", 422, "points[0].y");
  refused(R"({"points":[{"x":1,"y":1,"is_positive":1}]})", 422, "points[0].is_positive");
  refused(R"({"boxes":[{"x":1,"y":1,"width":0,"height":1}]})", 400,
          "Bounding box must have positive dimensions");
  refused(R"({"points":[{"x":100000,"y":1}]})", 400, "Point x coordinate exceeds image width");
  BOOST_TEST(script().clicks.empty());
  script().failure = core::make_error(core::error_code::unsupported_prompt, "needs a SAM 3 model");
  refused(R"({"text":"cats"})", 400, "needs a SAM 3 model");
  w.actor.id = w.other;
  refused(R"({"points":[{"x":1,"y":1}]})", 404, "Image not found");
}

BOOST_AUTO_TEST_SUITE_END()
