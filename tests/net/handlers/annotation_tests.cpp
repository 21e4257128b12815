#include <boost/test/unit_test.hpp>

#include "fakes.hpp"

using namespace samovar;
using namespace samovar::net::testing;

namespace {

const std::string boxes = "/api/v1/annotations", points = "/api/v1/point-annotations";

json box_of(const core::image& i, int x = 1, int y = 2, int width = 3, int height = 4) {
  return {{"image_id", to_string(i.id)},
          {"bbox_x", x},
          {"bbox_y", y},
          {"bbox_width", width},
          {"bbox_height", height}};
}

json point_of(const core::image& i, int x, int y) {
  return {{"image_id", to_string(i.id)}, {"point_x", x}, {"point_y", y}};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(annotations)

BOOST_AUTO_TEST_CASE(a_box_comes_back) {
  world w;
  const auto i = w.add_image(w.me);
  const auto a = w.call("POST", boxes, box_of(i).dump());
  BOOST_TEST(a.status == 201);
  BOOST_TEST(a.parsed()["prompt_type"] == "segment");
  BOOST_TEST(a.parsed()["bbox_width"] == 3);
  const auto list = w.call("GET", boxes + "/" + to_string(i.id)).parsed();
  BOOST_TEST(list["total"] == 1);
  BOOST_TEST(list["next_cursor"].is_null());
  BOOST_TEST(list["annotations"][0] == a.parsed());
}

BOOST_AUTO_TEST_CASE(missing_and_wrong_fields_are_named) {
  world w;
  const auto i = w.add_image(w.me);
  for (const char* field : {"image_id", "bbox_x", "bbox_y", "bbox_width", "bbox_height"}) {
    auto body = box_of(i);
    body.erase(field);
    BOOST_TEST(w.call("POST", boxes, body.dump()).field() == field);
    body[field] = "10";
    const auto a = w.call("POST", boxes, body.dump());
    BOOST_TEST(a.status == 422);
    BOOST_TEST(a.field() == field);
    body[field] = nullptr;
    BOOST_TEST(w.call("POST", boxes, body.dump()).status == 422);
  }
  auto body = box_of(i);
  body["prompt_type"] = "SEGMENT";
  BOOST_TEST(w.call("POST", boxes, body.dump()).field() == "prompt_type");
}

BOOST_AUTO_TEST_CASE(geometry_keeps_the_sentences) {
  world w;
  const auto i = w.add_image(w.me);  // 100 x 50
  const auto detail = [&](const json& body) {
    const auto a = w.call("POST", boxes, body.dump());
    BOOST_TEST(a.status == 400);
    return a.detail();
  };
  BOOST_TEST(detail(box_of(i, 0, 0, 0, 5)) == "Bounding box must have positive dimensions");
  BOOST_TEST(detail(box_of(i, -1, 0, 5, 5)) == "Bounding box coordinates must be non-negative");
  BOOST_TEST(detail(box_of(i, 99, 0, 5, 5)) == "Bounding box exceeds image width");
  BOOST_TEST(detail(box_of(i, 0, 49, 5, 5)) == "Bounding box exceeds image height");
  const auto at = [&](int x, int y) {
    return w.call("POST", points, point_of(i, x, y).dump()).detail();
  };
  BOOST_TEST(at(-1, 0) == "Point coordinates must be non-negative");
  BOOST_TEST(at(100, 0) == "Point x coordinate exceeds image width");
  BOOST_TEST(at(0, 50) == "Point y coordinate exceeds image height");
}

BOOST_AUTO_TEST_CASE(absent_images) {
  world w;
  const auto foreign = w.add_image(w.other);
  for (const auto& a : {w.call("POST", boxes, box_of(foreign).dump()),
                        w.call("POST", points, point_of(foreign, 1, 1).dump()),
                        w.call("GET", boxes + "/" + to_string(foreign.id)),
                        w.call("GET", points + "/" + to_string(foreign.id))}) {
    BOOST_TEST(a.status == 404);
    BOOST_TEST(a.detail() == "Image not found");
  }
  BOOST_TEST(w.call("GET", boxes + "/x").field() == "image_id");
  BOOST_TEST(w.call("DELETE", boxes + "/x").status == 422);
}

BOOST_AUTO_TEST_CASE(boxes_are_filtered_moved_and_deleted) {
  world w;
  const auto i = w.add_image(w.me);
  auto body = box_of(i);
  body["prompt_type"] = "positive_exemplar";
  const auto id = w.call("POST", boxes, body.dump()).parsed()["id"].get<std::string>();
  w.call("POST", boxes, box_of(i).dump());
  const auto of_image = boxes + "/" + to_string(i.id);
  BOOST_TEST(w.call("GET", of_image).parsed()["total"] == 2);
  BOOST_TEST(w.call("GET", of_image + "?prompt_type=positive_exemplar").parsed()["total"] == 1);
  BOOST_TEST(w.call("GET", of_image + "?prompt_type=nope").field() == "prompt_type");
  const auto one = boxes + "/" + id;
  const auto moved = w.call("PATCH", one, R"({"bbox_x":7,"prompt_type":"segment"})");
  BOOST_TEST(moved.status == 200);
  BOOST_TEST(moved.parsed()["bbox_x"] == 7);
  BOOST_TEST(moved.parsed()["bbox_y"] == 2);
  BOOST_TEST(moved.parsed()["prompt_type"] == "segment");
  BOOST_TEST(w.call("PATCH", one, R"({"bbox_x":99})").detail() ==
             "Bounding box exceeds image width");
  BOOST_TEST(w.call("PATCH", one, R"({"bbox_x":"7"})").status == 422);
  w.actor.id = w.other;
  BOOST_TEST(w.call("PATCH", one, R"({"bbox_x":1})").detail() == "Annotation not found");
  BOOST_TEST(w.call("DELETE", one).detail() == "Annotation not found");
  w.actor.id = w.me;
  BOOST_TEST(w.call("DELETE", one).status == 204);
  BOOST_TEST(w.call("DELETE", one).status == 404);
}

BOOST_AUTO_TEST_CASE(points) {
  world w;
  const auto i = w.add_image(w.me);
  const auto a = w.call("POST", ::points, point_of(i, 3, 4).dump());
  BOOST_TEST(a.status == 201);
  BOOST_TEST(a.parsed()["is_positive"] == true);
  auto body = point_of(i, 0, 0);
  body["is_positive"] = 0;
  BOOST_TEST(w.call("POST", ::points, body.dump()).field() == "is_positive");
  body["is_positive"] = false;
  BOOST_TEST(w.call("POST", ::points, body.dump()).parsed()["is_positive"] == false);
  const auto list = w.call("GET", ::points + "/" + to_string(i.id)).parsed();
  BOOST_TEST(list["annotations"].size() == 2u);
  BOOST_TEST(list["annotations"][0]["point_x"] == 3);
  const auto one = ::points + "/" + a.parsed()["id"].get<std::string>();
  BOOST_TEST(w.call("DELETE", one).status == 204);
  BOOST_TEST(w.call("DELETE", one).detail() == "Point annotation not found");
}

BOOST_AUTO_TEST_SUITE_END()
