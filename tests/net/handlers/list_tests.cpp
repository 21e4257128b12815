#include "net/handlers/lists.hpp"

#include <boost/test/unit_test.hpp>

#include "fakes.hpp"

using namespace samovar;
using namespace samovar::net::testing;

BOOST_AUTO_TEST_SUITE(lists)

BOOST_AUTO_TEST_CASE(cursors_come_back) {
  world w;
  for (const std::int64_t us :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1}, std::int64_t{1'764'000'000'123'456}}) {
    const core::cursor c{core::timestamp{std::chrono::microseconds(us)}, w.new_id()};
    const auto back = net::parse_cursor(net::to_text(c));
    BOOST_REQUIRE(back);
    BOOST_CHECK(*back == c);
  }
  const auto good = net::to_text({});
  for (const auto& bad : {std::string(), std::string("x"), good + "0", good.substr(1),
                          "G" + good.substr(1), "A" + good.substr(1), "7f" + good.substr(2)})
    BOOST_TEST(!net::parse_cursor(bad));
}

BOOST_AUTO_TEST_CASE(pages_follow_each_other) {
  world w;
  for (int i = 0; i < 25; ++i) w.add_image(w.me, std::to_string(i) + ".png");
  std::vector<std::string> seen;
  std::string cursor;
  for (int pages = 0; pages < 3; ++pages) {
    const auto j = w.call("GET", "/api/v1/images?limit=10" + cursor).parsed();
    BOOST_TEST(j["total"] == 25);
    for (const auto& i : j["images"]) seen.push_back(i["filename"]);
    if (j["next_cursor"].is_null()) break;
    cursor = "&cursor=" + j["next_cursor"].get<std::string>();
  }
  BOOST_TEST(seen.size() == 25u);
  BOOST_TEST(seen.front() == "24.png");
  BOOST_TEST(seen.back() == "0.png");
}

BOOST_AUTO_TEST_CASE(order_and_search) {
  world w;
  for (const char* name : {"a.png", "b.png", "ab.png"}) w.add_image(w.me, name);
  const auto first = [&](const std::string& query) {
    return w.call("GET", "/api/v1/images?" + query)
        .parsed()["images"][0]["filename"]
        .get<std::string>();
  };
  for (const char* order : {"order=oldest", "order=asc"}) BOOST_TEST(first(order) == "a.png");
  for (const char* order : {"order=newest", "order=desc"}) BOOST_TEST(first(order) == "ab.png");
  const auto found = w.call("GET", "/api/v1/images?search=b").parsed();
  BOOST_TEST(found["total"] == 2);
  BOOST_TEST(w.call("GET", "/api/v1/images?search=").parsed()["total"] == 3);
  BOOST_TEST(w.call("GET", "/api/v1/images?search=%FF").field() == "search");
  BOOST_TEST(w.call("GET", "/api/v1/images?search=%00").field() == "search");
  BOOST_TEST(w.call("GET", "/api/v1/images?order=up").field() == "order");
}

BOOST_AUTO_TEST_CASE(without_limit_everything_is_streamed) {
  world w;
  for (int i = 0; i < 2500; ++i) w.add_image(w.me);
  const auto a = w.call("GET", "/api/v1/images");
  BOOST_TEST(a.streamed);
  const auto j = a.parsed();
  BOOST_TEST(j["images"].size() == 2500u);
  BOOST_TEST(j["total"] == 2500);
  BOOST_TEST(j["next_cursor"].is_null());
  BOOST_TEST(w.images.list_calls == 3);
  BOOST_TEST(w.images.totals_asked == 1);  // counting may mean to look at all rows again
}

BOOST_AUTO_TEST_CASE(a_full_last_page_ends_well) {
  world w;
  for (int i = 0; i < 2000; ++i) w.add_image(w.me);
  BOOST_TEST(w.call("GET", "/api/v1/images").parsed()["images"].size() == 2000u);
}

BOOST_AUTO_TEST_CASE(an_empty_list) {
  world w;
  const auto a = w.call("GET", "/api/v1/images");
  BOOST_TEST(a.body == R"({"images":[],"total":0,"next_cursor":null})");
  BOOST_TEST(w.call("GET", "/api/v1/jobs").body == "[]");
}

BOOST_AUTO_TEST_CASE(limits_and_cursors_are_checked) {
  world w;
  for (const char* limit : {"0", "1001", "-1", "x", "", "1.0", "99999999999"})
    BOOST_TEST(w.call("GET", std::string("/api/v1/images?limit=") + limit).field() == "limit");
  BOOST_TEST(w.call("GET", "/api/v1/images?limit=1000").status == 200);
  BOOST_TEST(w.call("GET", "/api/v1/images?cursor=x").field() == "cursor");
}

BOOST_AUTO_TEST_CASE(arrays_page_through_the_link_header) {
  world w;
  const auto i = w.add_image(w.me);
  for (int n = 0; n < 5; ++n) w.add_job(w.me, core::job_status::completed, {i});
  const auto a = w.call("GET", "/api/v1/jobs?limit=3&status=completed");
  BOOST_TEST(a.parsed().size() == 3u);
  const auto& link = a.headers.at("Link");
  BOOST_TEST(link.ends_with(">; rel=\"next\""));
  const auto next = link.substr(1, link.find('>') - 1);
  BOOST_TEST(next.find("status=completed") != std::string::npos);
  const auto rest = w.call("GET", next);
  BOOST_TEST(rest.parsed().size() == 2u);
  BOOST_TEST(rest.headers.count("Link") == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
