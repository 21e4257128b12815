#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>

#include "core/limits.hpp"
#include "fakes.hpp"
#include "net/list_text.hpp"

using namespace samovar;
using namespace samovar::net::testing;
using net::json_out;

namespace {

using names = std::set<std::string>;

template <class F>
json written(F write) {
  std::string text;
  json_out out(text);
  write(out);
  return json::parse(text);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(codec_write)

BOOST_AUTO_TEST_CASE(text_is_escaped) {
  const std::string nasty = std::string("\"\\\n\r\t\x01\x1f/ ä€😀<>&'") + '\0' + "end";
  std::string text;
  json_out(text).value(nasty);
  BOOST_TEST(json::parse(text).get<std::string>() == nasty);
  text.clear();
  json_out(text).begin_object().field("a\"b", 1).end_object();
  BOOST_TEST(text == R"({"a\"b":1})");
}

BOOST_AUTO_TEST_CASE(numbers_and_commas) {
  std::string text;
  json_out out(text);
  out.begin_array().value(std::int64_t{-5}).value(std::numeric_limits<std::uint64_t>::max());
  out.value(0.1).value(std::nan("")).value(HUGE_VAL).value(true);
  out.begin_object().end_object().begin_array().end_array();
  out.value(std::optional<std::int32_t>{}).value(std::optional<std::int32_t>{3}).end_array();
  BOOST_TEST(text == "[-5,18446744073709551615,0.1,null,null,true,{},[],null,3]");
}

BOOST_AUTO_TEST_CASE(an_error_has_its_fields) {
  const auto r = net::error_reply(
      core::make_error(core::error_code::validation_failed, "x must be \"y\"", "x"), "id-7");
  BOOST_TEST(r.status == 422);
  const auto j = json::parse(std::get<std::string>(r.body));
  BOOST_CHECK(names_of(j) == (names{"detail", "code", "field", "request_id"}));
  BOOST_TEST(j["detail"] == "x must be \"y\"");
  BOOST_TEST(j["request_id"] == "id-7");
  const auto away =
      net::error_reply(core::make_error(core::error_code::unavailable, "later"), "id-8");
  BOOST_TEST(away.status == 503);
  BOOST_REQUIRE_EQUAL(away.headers.size(), 1u);
  BOOST_TEST(away.headers[0].first == "Retry-After");
  BOOST_TEST(away.headers[0].second == "1");
  BOOST_CHECK(names_of(json::parse(std::get<std::string>(away.body))) ==
              (names{"detail", "code", "request_id"}));
}

BOOST_AUTO_TEST_CASE(an_image_has_its_fields) {
  world w;
  const auto image = w.add_image(w.me, "ü\"x.png");
  const auto j = written([&](json_out& out) { net::write_image(out, image); });
  BOOST_CHECK(names_of(j) == (names{"id", "filename", "blob_path", "width", "height", "created_at",
                                    "text_prompt", "byte_size", "content_type"}));
  BOOST_TEST(j["filename"] == "ü\"x.png");
  BOOST_TEST(j["text_prompt"].is_null());
  BOOST_TEST(j["width"] == 100);
}

BOOST_AUTO_TEST_CASE(annotations_have_their_fields) {
  core::bbox_annotation a;
  a.prompt.area = {1, 2, 3, 4};
  const auto j = written([&](json_out& out) { net::write_annotation(out, a); });
  BOOST_CHECK(names_of(j) == (names{"id", "image_id", "bbox_x", "bbox_y", "bbox_width",
                                    "bbox_height", "prompt_type", "created_at"}));
  BOOST_TEST(j["bbox_height"] == 4);
  BOOST_TEST(j["prompt_type"] == "segment");
  const auto p = written([](json_out& out) { net::write_point_annotation(out, {}); });
  BOOST_CHECK(names_of(p) ==
              (names{"id", "image_id", "point_x", "point_y", "is_positive", "created_at"}));
}

BOOST_AUTO_TEST_CASE(a_job_has_its_fields) {
  world w;
  core::job_view view;
  view.record = w.add_job(w.me, core::job_status::queued, {w.add_image(w.me, "a\\b.png")});
  view.record.current_index = 1;
  view.queue_position = 0;
  auto j = json::parse(net::job_json(view));
  const names all{"id",
                  "mode",
                  "status",
                  "image_ids",
                  "image_filenames",
                  "current_index",
                  "image_count",
                  "processed_count",
                  "failed_count",
                  "current_image_filename",
                  "is_running",
                  "created_at",
                  "started_at",
                  "completed_at",
                  "error",
                  "priority",
                  "queue_position",
                  "eta_seconds",
                  "version"};
  BOOST_CHECK(names_of(j) == all);
  BOOST_TEST(j["queue_position"] == 0);
  BOOST_TEST(j["processed_count"] == 1);
  BOOST_TEST(j["image_filenames"][0] == "a\\b.png");
  BOOST_TEST(j["is_running"] == false);
  for (const char* absent :
       {"current_image_filename", "started_at", "completed_at", "error", "eta_seconds"})
    BOOST_TEST(j[absent].is_null());
  view.record.status = core::job_status::running;
  view.current_image_filename = "x";
  view.eta_seconds = 1.5;
  j = json::parse(net::job_json(view));
  BOOST_TEST(j["is_running"] == true);
  BOOST_TEST(j["eta_seconds"] == 1.5);
}

BOOST_AUTO_TEST_CASE(a_pinned_job_is_rendered_once) {
  const actors::pinned_job pinned{core::job_view{}};
  const auto first = net::job_json(pinned);
  BOOST_TEST(first == net::job_json(pinned));
  BOOST_TEST(first.get() == net::job_json(pinned).get());
}

BOOST_AUTO_TEST_CASE(long_lists_are_rendered_once_for_all_states_of_a_job) {
  std::vector<core::image_id> ids(core::limits::list_text_items_min);
  core::shared_list<core::image_id> list = ids;
  const auto copy = list;
  const auto text = net::ids_text(list);
  BOOST_TEST(net::ids_text(copy).get() == text.get());
  BOOST_TEST(json::parse(*text).size() == ids.size());
  ids[0].value.bytes[0] = 7;  // another list, whatever address it is given
  list = core::shared_list<core::image_id>(ids);
  BOOST_TEST(*net::ids_text(list) != *text);
  BOOST_TEST(*net::names_text(core::shared_list<std::string>{}) == "[]");
}

BOOST_AUTO_TEST_CASE(texts_of_lists_are_bounded_and_go_with_their_list) {
  net::list_texts kept(100);
  int made = 0;
  const auto text_of = [&](const std::shared_ptr<const void>& list) {
    return kept.find_or_make(list, [&] { return ++made, std::string(40, 'x'); });
  };
  auto a = std::make_shared<const int>(1);
  const auto b = std::make_shared<const int>(2), c = std::make_shared<const int>(3);
  text_of(a), text_of(b), text_of(a);
  BOOST_TEST(made == 2);
  text_of(c);  // b was used least recently
  BOOST_TEST(kept.bytes() == 80u);
  text_of(a);
  BOOST_TEST(made == 3);
  a.reset();
  text_of(b);
  BOOST_TEST(made == 4);
  BOOST_TEST(kept.bytes() == 80u);
}

BOOST_AUTO_TEST_CASE(a_history_item_has_its_fields) {
  core::processing_result r;
  r.mode = core::segmentation_mode::find_all;
  r.prompts.text = "cat";
  r.prompts.points = {core::point_prompt{}};
  r.detections = {core::make_detection(mask_of({".##", ".##"}), 0.5)};
  r.mask_blob_path = "masks/x.png";
  auto j = written([&](json_out& out) { net::write_history_item(out, r); });
  BOOST_CHECK(names_of(j) ==
              (names{"id", "job_id", "image_id", "mode", "processed_at", "bboxes", "mask_blob_path",
                     "text_prompt_used", "point_count", "scores", "model"}));
  BOOST_TEST(j["bboxes"] == json::parse(R"([{"x":1,"y":0,"width":2,"height":2}])"));
  BOOST_TEST(j["text_prompt_used"] == "cat");
  BOOST_TEST(j["point_count"].is_null());
  BOOST_TEST(j["scores"] == json::parse("[0.5]"));
  r.mode = core::segmentation_mode::point;
  j = written([&](json_out& out) { net::write_history_item(out, r); });
  BOOST_TEST(j["bboxes"].is_null());
  BOOST_TEST(j["point_count"] == 1);
  BOOST_TEST(j["text_prompt_used"].is_null());
}

BOOST_AUTO_TEST_SUITE_END()
