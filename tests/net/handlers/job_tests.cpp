#include <boost/test/unit_test.hpp>

#include "fakes.hpp"

using namespace samovar;
using namespace samovar::net::testing;

namespace {

const std::string jobs = "/api/v1/jobs";

std::string body_of(const std::vector<core::image>& images, json more = json::object()) {
  more["image_ids"] = json::array();
  for (const auto& i : images) more["image_ids"].push_back(to_string(i.id));
  return more.dump();
}

actors::pinned_job_ptr pin(const core::job& j, std::optional<std::int32_t> position = {}) {
  core::job_view view;
  view.record = j;
  view.queue_position = position;
  auto pinned = std::make_shared<actors::pinned_job>(view);
  script().board.pin(pinned);
  return pinned;
}

call_options known(const std::string& tag) { return {{{"if-none-match", tag}}, {}, {}}; }

}  // namespace

BOOST_AUTO_TEST_SUITE(job_routes)

BOOST_AUTO_TEST_CASE(submitting) {
  world w;
  const auto one = w.add_image(w.me), two = w.add_image(w.me);
  const auto a = w.call("POST", jobs, body_of({one, two}));
  BOOST_TEST(a.status == 201);
  BOOST_REQUIRE_EQUAL(script().submitted.size(), 1u);
  const auto& job = script().submitted[0];
  BOOST_CHECK(job.user == w.me);
  BOOST_CHECK(job.mode == core::segmentation_mode::inside_box);
  BOOST_TEST(!job.force_all);
  BOOST_TEST(job.priority == 0);
  BOOST_TEST(!job.idempotency_key);
  BOOST_TEST(job.image_ids.size() == 2u);
  BOOST_TEST(a.headers.at("Location") == jobs + "/" + to_string(job.id));
  w.call("POST", jobs, body_of({one}, {{"mode", "point"}, {"force_all", true}, {"priority", -5}}));
  BOOST_TEST(script().submitted[1].force_all);
  BOOST_TEST(script().submitted[1].priority == -5);
}

BOOST_AUTO_TEST_CASE(bodies_are_checked) {
  world w;
  const auto i = w.add_image(w.me);
  const auto post = [&](const std::string& body) { return w.call("POST", jobs, body); };
  BOOST_TEST(post("{").status == 400);
  BOOST_TEST(post("[]").status == 422);
  BOOST_TEST(post("{}").field() == "image_ids");
  BOOST_TEST(post(R"({"image_ids":"x"})").field() == "image_ids");
  BOOST_TEST(post(R"({"image_ids":["x"]})").field() == "image_ids");
  const auto none = post(R"({"image_ids":[]})");
  BOOST_TEST(none.status == 400);
  BOOST_TEST(none.detail() == "No valid image IDs provided");
  BOOST_TEST(post(body_of({i}, {{"mode", "all"}})).field() == "mode");
  BOOST_TEST(post(body_of({i}, {{"mode", nullptr}})).field() == "mode");
  BOOST_TEST(post(body_of({i}, {{"force_all", 1}})).field() == "force_all");
  BOOST_TEST(post(body_of({i}, {{"priority", "1"}})).field() == "priority");
  BOOST_TEST(post(body_of({i}, {{"priority", 1001}})).field() == "priority");
  BOOST_TEST(post(body_of(std::vector<core::image>(10'001, i))).field() == "image_ids");
  BOOST_TEST(script().submitted.empty());
  BOOST_TEST(post(body_of(std::vector<core::image>(10'000, i))).status == 201);
}

BOOST_AUTO_TEST_CASE(refusals_of_the_session_come_through) {
  world w;
  const auto i = w.add_image(w.me);
  for (const auto code : {core::error_code::no_valid_images, core::error_code::nothing_to_process,
                          core::error_code::idempotency_mismatch, core::error_code::draining}) {
    script().on_submit = [&](const auto&) { return core::make_error(code, "because"); };
    const auto a = w.call("POST", jobs, body_of({i}));
    BOOST_TEST(a.status == core::http_status(code));
    BOOST_TEST(a.detail() == "because");
    BOOST_TEST(a.headers.count("Retry-After") == (a.status == 503 ? 1u : 0u));
  }
}

BOOST_AUTO_TEST_CASE(idempotency_keys) {
  world w;
  const auto one = w.add_image(w.me), two = w.add_image(w.me);
  const call_options keyed{{{"idempotency-key", "k-1"}}, {}, {}};
  w.call("POST", jobs, body_of({one}), keyed);
  w.call("POST", jobs, " " + body_of({one}, {{"unknown", 1}, {"priority", 0}}), keyed);
  w.call("POST", jobs, body_of({two}), keyed);
  w.call("POST", jobs, body_of({one}, {{"mode", "point"}}), keyed);
  const auto& all = script().submitted;
  BOOST_TEST(*all[0].idempotency_key == "k-1");
  BOOST_TEST(all[0].request_hash.size() == 64u);
  BOOST_TEST(all[0].request_hash == all[1].request_hash);
  BOOST_TEST(all[0].request_hash != all[2].request_hash);
  BOOST_TEST(all[0].request_hash != all[3].request_hash);
  script().on_submit = [](const core::create_job& c) -> core::outcome<actors::submit_answer> {
    core::job_view view;
    view.record.id = c.id;
    return actors::submit_answer{std::make_shared<actors::pinned_job>(view), true};
  };
  BOOST_TEST(w.call("POST", jobs, body_of({one}), keyed).status == 200);
  for (const auto& bad :
       {std::string(), std::string(256, 'x'), std::string("a\tb"), std::string("ä")})
    BOOST_TEST(w.call("POST", jobs, body_of({one}), {{{"idempotency-key", bad}}, {}, {}}).field() ==
               "Idempotency-Key");
}

BOOST_AUTO_TEST_CASE(polls_come_from_the_board) {
  world w;
  const auto j = w.add_job(w.me, core::job_status::queued, {w.add_image(w.me)});
  w.jobs.rows.clear();
  const auto pinned = pin(j, 3);
  const auto path = jobs + "/" + to_string(j.id);
  const auto a = w.call("GET", path);
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.parsed()["queue_position"] == 3);
  BOOST_TEST(a.headers.at("ETag") == "\"" + pinned->etag() + "\"");
  BOOST_TEST(w.call("GET", path, "", known("\"1-3\"")).status == 304);
  BOOST_TEST(w.call("GET", path, "", known("\"1-2\"")).status == 200);
  w.actor.id = w.other;
  const auto foreign = w.call("GET", path);
  BOOST_TEST(foreign.status == 404);
  BOOST_TEST(foreign.detail() == "Job not found");
}

BOOST_AUTO_TEST_CASE(a_miss_asks_the_database) {
  world w;
  const auto j = w.add_job(w.me, core::job_status::completed, {w.add_image(w.me)});
  const auto path = jobs + "/" + to_string(j.id);
  const auto a = w.call("GET", path);
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.headers.at("ETag") == "\"1\"");
  BOOST_TEST(w.call("GET", path + "?wait=30", "", known("\"1\"")).status == 304);
  BOOST_TEST(w.call("GET", jobs + "/" + to_string(w.fresh<core::job_id>())).status == 404);
  BOOST_TEST(w.call("GET", jobs + "/7").status == 422);
}

BOOST_AUTO_TEST_CASE(waiting_for_a_change) {
  world w;
  auto j = w.add_job(w.me, core::job_status::running, {w.add_image(w.me)});
  const auto before = pin(j);
  const auto path = jobs + "/" + to_string(j.id);
  const auto waiting = w.start("GET", path + "?wait=30", "", known("\"1\""));
  const auto relative = w.start("GET", path + "?wait=600");
  BOOST_TEST(waiting->empty());
  BOOST_REQUIRE_EQUAL(script().waits.size(), 2u);
  BOOST_TEST(script().waits[0].etag == "1");
  BOOST_TEST(script().waits[0].time.count() == 30'000);
  BOOST_TEST(script().waits[1].time.count() == 60'000);
  j.version = 2;
  const auto after = pin(j);
  script().waits[0].answer(after);
  script().waits[1].answer(before);
  BOOST_REQUIRE_EQUAL(waiting->size(), 1u);
  BOOST_TEST(waiting->front().status == 200);
  BOOST_TEST(waiting->front().parsed()["version"] == 2);
  BOOST_TEST(relative->front().status == 200);
  const auto end = w.start("GET", path + "?wait=1", "", known("\"2\""));
  script().waits[2].answer(after);
  BOOST_TEST(end->front().status == 304);
  const auto lost = w.start("GET", path + "?wait=1");
  script().waits[3].answer(core::make_error(core::error_code::not_found, "Job not found"));
  BOOST_TEST(lost->front().status == 200);
}

BOOST_AUTO_TEST_CASE(not_waiting) {
  world w;
  auto j = w.add_job(w.me, core::job_status::running, {w.add_image(w.me)});
  pin(j);
  const auto path = jobs + "/" + to_string(j.id);
  BOOST_TEST(w.call("GET", path + "?wait=30", "", known("\"0\"")).status == 200);
  BOOST_TEST(w.call("GET", path + "?wait=0", "", known("\"1\"")).status == 304);
  j.status = core::job_status::completed;
  pin(j);
  BOOST_TEST(w.call("GET", path + "?wait=30", "", known("\"1\"")).status == 304);
  BOOST_TEST(w.call("GET", path + "?wait=30").status == 200);
  for (const char* wait : {"x", "", "-1", "1s", "nan"})
    BOOST_TEST(w.call("GET", path + "?wait=" + wait).field() == "wait");
  BOOST_TEST(script().waits.empty());
}

BOOST_AUTO_TEST_CASE(listing) {
  world w;
  const auto i = w.add_image(w.me);
  const auto old = w.add_job(w.me, core::job_status::completed, {i});
  auto live = w.add_job(w.me, core::job_status::queued, {i});
  w.add_job(w.other, core::job_status::queued, {i});
  live.version = 4;
  pin(live, 7);
  auto all = w.call("GET", jobs).parsed();
  BOOST_REQUIRE_EQUAL(all.size(), 2u);
  BOOST_TEST(all[0]["id"] == to_string(live.id));
  BOOST_TEST(all[0]["queue_position"] == 7);
  BOOST_TEST(all[1]["id"] == to_string(old.id));
  BOOST_TEST(w.call("GET", jobs + "?status=completed").parsed().size() == 1u);
  BOOST_TEST(w.call("GET", jobs + "?status=done").field() == "status");
  // The list was asked for queued jobs: one that has started meanwhile is shown as the list has it.
  live.status = core::job_status::running;
  live.version = 5;
  pin(live);
  BOOST_TEST(w.call("GET", jobs + "?status=queued").parsed()[0]["status"] == "queued");
  BOOST_TEST(w.call("GET", jobs).parsed()[0]["status"] == "running");
}

BOOST_AUTO_TEST_SUITE_END()
