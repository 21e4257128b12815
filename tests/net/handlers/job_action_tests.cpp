#include <boost/test/unit_test.hpp>

#include "fakes.hpp"

using namespace samovar;
using namespace samovar::net::testing;

namespace {

using core::job_status;
using core::unit_state;

struct job_world : world {
  core::image cat = add_image(me, "cat.png"), dog = add_image(me, "dog.png");

  std::string make(job_status status, bool pinned = true) {
    auto j = add_job(me, status, {cat, dog});
    jobs.images[j.id] = {{cat.id, cat.filename, unit_state::done, {}, fresh<core::result_id>()},
                         {dog.id,
                          dog.filename,
                          core::is_terminal(status) ? unit_state::failed : unit_state::waiting,
                          "broken",
                          {}}};
    if (pinned) {
      core::job_view view;
      view.record = j;
      script().board.pin(std::make_shared<actors::pinned_job>(view));
    }
    return "/api/v1/jobs/" + to_string(j.id);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(job_actions)

BOOST_AUTO_TEST_CASE(images_of_a_job) {
  job_world w;
  const auto path = w.make(job_status::running);
  script().running = {w.dog.id};
  const auto list = w.call("GET", path + "/images").parsed();
  BOOST_REQUIRE_EQUAL(list.size(), 2u);
  BOOST_CHECK(names_of(list[0]) ==
              (std::set<std::string>{"image_id", "filename", "state", "error", "result_id"}));
  BOOST_TEST(list[0]["state"] == "completed");
  BOOST_TEST(list[0]["result_id"].is_string());
  BOOST_TEST(list[1]["state"] == "running");
  BOOST_TEST(list[1]["error"] == "broken");
  script().failure = core::make_error(core::error_code::unavailable, "no");
  BOOST_TEST(w.call("GET", path + "/images").parsed()[1]["state"] == "queued");
  const auto page = w.call("GET", path + "/images?limit=1");
  BOOST_TEST(page.parsed().size() == 1u);
  const auto& link = page.headers.at("Link");
  const auto next = link.substr(1, link.find('>') - 1);
  BOOST_TEST(w.call("GET", next).parsed()[0]["filename"] == "dog.png");
  w.actor.id = w.other;
  BOOST_TEST(w.call("GET", path + "/images").detail() == "Job not found");
}

// A long list is read while it is sent; what runs shows on its later pages as well.
BOOST_AUTO_TEST_CASE(many_images_of_a_job) {
  job_world w;
  const auto path = w.make(job_status::running);
  auto& rows = w.jobs.images.begin()->second;
  while (rows.size() < 2500)
    rows.push_back(
        {w.fresh<core::image_id>(), std::to_string(rows.size()), unit_state::waiting, {}, {}});
  script().running = {rows[1500].image, rows[2000].image};
  const auto list = w.call("GET", path + "/images");
  BOOST_TEST(list.streamed);
  const auto all = list.parsed();
  BOOST_REQUIRE_EQUAL(all.size(), 2500u);
  for (std::size_t i = 2; i < 2500; ++i) {
    const bool runs = i == 1500 || i == 2000;
    BOOST_REQUIRE_EQUAL(all[i]["filename"], std::to_string(i));
    BOOST_REQUIRE_EQUAL(all[i]["state"], runs ? "running" : "queued");
  }
}

BOOST_AUTO_TEST_CASE(cancelling) {
  job_world w;
  const auto path = w.make(job_status::queued);
  BOOST_TEST(w.call("POST", path + "/cancel").status == 200);
  BOOST_TEST(script().cancelled.size() == 1u);
  for (const bool pinned : {true, false}) {
    const auto a = w.call("POST", w.make(job_status::completed, pinned) + "/cancel");
    BOOST_TEST(a.status == 409);
    BOOST_TEST(a.code() == "conflict");
    const auto again = w.call("POST", w.make(job_status::cancelled, pinned) + "/cancel");
    BOOST_TEST(again.status == 200);
    BOOST_TEST(again.parsed()["status"] == "cancelled");
  }
  BOOST_TEST(script().cancelled.size() == 1u);
  script().failure = core::make_error(core::error_code::unavailable, "draining");
  BOOST_TEST(w.call("POST", path + "/cancel").status == 503);
  w.actor.id = w.other;
  BOOST_TEST(w.call("POST", path + "/cancel").detail() == "Job not found");
  BOOST_TEST(w.call("POST", "/api/v1/jobs/x/cancel").status == 422);
}

BOOST_AUTO_TEST_CASE(retrying_takes_the_failed_images) {
  job_world w;
  const auto path = w.make(job_status::completed, false);
  const auto a = w.call("POST", path + "/retry");
  BOOST_TEST(a.status == 201);
  BOOST_REQUIRE_EQUAL(script().submitted.size(), 1u);
  BOOST_REQUIRE_EQUAL(script().submitted[0].image_ids.size(), 1u);
  BOOST_CHECK(script().submitted[0].image_ids[0] == w.dog.id);
  BOOST_TEST(script().submitted[0].force_all);
  BOOST_TEST(w.call("POST", w.make(job_status::running) + "/retry").status == 409);
  const auto clean = w.add_job(w.me, job_status::completed, {w.cat});
  BOOST_TEST(w.call("POST", "/api/v1/jobs/" + to_string(clean.id) + "/retry").status == 409);
  w.actor.id = w.other;
  BOOST_TEST(w.call("POST", path + "/retry").status == 404);
}

BOOST_AUTO_TEST_CASE(changing_the_priority) {
  job_world w;
  const auto path = w.make(job_status::queued);
  const auto patch = [&](const char* body) { return w.call("PATCH", path, body); };
  BOOST_TEST(patch(R"({"priority":10})").status == 200);
  BOOST_REQUIRE_EQUAL(script().priorities.size(), 1u);
  BOOST_TEST(script().priorities[0].second == 10);
  BOOST_TEST(patch("{}").field() == "priority");
  BOOST_TEST(patch(R"({"priority":"1"})").field() == "priority");
  BOOST_TEST(patch(R"({"priority":-1001})").field() == "priority");
  BOOST_TEST(patch("").status == 400);
  BOOST_TEST(w.call("PATCH", w.make(job_status::failed), R"({"priority":1})").status == 409);
  BOOST_TEST(w.call("PATCH", w.make(job_status::failed, false), R"({"priority":1})").status == 409);
  w.actor.id = w.other;
  BOOST_TEST(patch(R"({"priority":1})").status == 404);
}

BOOST_AUTO_TEST_CASE(the_own_queue_is_shown_paused_and_resumed) {
  job_world w;
  w.make(job_status::running);
  w.make(job_status::queued);
  const auto shown = w.call("GET", "/api/v1/queue").parsed();
  BOOST_TEST(shown["paused"] == false);
  BOOST_TEST(shown["queued_jobs"] == 1);
  BOOST_TEST(shown["running_jobs"] == 1);
  BOOST_TEST(shown["waiting_images"] == 4);
  BOOST_TEST(w.call("POST", "/api/v1/queue/pause").parsed()["paused"] == true);
  BOOST_TEST(w.call("POST", "/api/v1/queue/resume").parsed()["paused"] == false);
  BOOST_TEST((script().pauses == std::vector<bool>{true, false}));
  script().failure = core::make_error(core::error_code::unavailable, "draining");
  BOOST_TEST(w.call("POST", "/api/v1/queue/pause").status == 503);
}

BOOST_AUTO_TEST_SUITE_END()
