#include <atomic>
#include <boost/test/unit_test.hpp>
#include <future>
#include <thread>

#include "fakes.hpp"
#include "net/handlers/support.hpp"

using namespace samovar;
using namespace samovar::net::testing;

namespace {

call_options upload_of(const std::string& filename) {
  call_options o;
  o.file = net::uploaded_file{"/spool/1", filename, 17, std::string(64, 'b')};
  return o;
}

std::string path_of(const core::image& i) { return "/api/v1/images/" + to_string(i.id); }

}  // namespace

BOOST_AUTO_TEST_SUITE(images)

BOOST_AUTO_TEST_CASE(uploading) {
  world w;
  const auto a = w.call("POST", "/api/v1/images", "", upload_of("C:\\photos\\cat.png"));
  BOOST_TEST(a.status == 201);
  const auto j = a.parsed();
  BOOST_TEST(j["filename"] == "cat.png");
  BOOST_TEST(j["byte_size"] == 17);
  BOOST_TEST(j["width"] == 100);
  BOOST_TEST(j["blob_path"] ==
             "users/" + to_string(w.me) + "/images/" + j["id"].get<std::string>() + ".png");
  BOOST_TEST(a.headers.at("Location") == "/api/v1/images/" + j["id"].get<std::string>());
  BOOST_TEST(w.blobs.blobs.count(j["blob_path"]) == 1u);
  BOOST_TEST(script().quotas.size() == 1u);
}

// While one reads and one waits for its turn, the others go: what the waiting one reads is newer
// than all they did. A failure leaves the turn to the next.
BOOST_AUTO_TEST_CASE(a_burst_of_uploads_holds_two_threads_of_the_pool) {
  world w;
  std::atomic<int> reads{0}, gone{0};
  std::promise<void> begun, go_on;
  const auto may_go_on = go_on.get_future().share();
  w.accounts.while_finding = [&] {
    if (++reads == 1) begun.set_value();
    may_go_on.wait();
  };
  const auto announce = [&] {
    net::announce_quota(w.ports, w.me);
    ++gone;
  };
  std::vector<std::thread> pool;
  pool.emplace_back(announce);
  begun.get_future().wait();
  for (int i = 0; i < 7; ++i) pool.emplace_back(announce);
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (gone < 6 && std::chrono::steady_clock::now() < give_up)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  BOOST_TEST(gone == 6);
  go_on.set_value();
  for (auto& t : pool) t.join();
  BOOST_TEST(reads == 2);
  BOOST_TEST(script().quotas.size() == 2u);

  w.accounts.away = true;
  net::announce_quota(w.ports, w.me);
  BOOST_TEST(script().quotas.size() == 2u);
  w.accounts.away = false;
  net::announce_quota(w.ports, w.me);
  BOOST_TEST(script().quotas.size() == 3u);
}

BOOST_AUTO_TEST_CASE(filenames_are_made_safe) {
  world w;
  const auto name = [&](const std::string& given) {
    return w.call("POST", "/api/v1/images", "", upload_of(given))
        .parsed()["filename"]
        .get<std::string>();
  };
  BOOST_TEST(name("") == "image.png");
  BOOST_TEST(name("..") == "image.png");
  BOOST_TEST(name("../../etc/passwd") == "passwd");
  BOOST_TEST(name("a\x01\nb.png") == "ab.png");
  BOOST_TEST(name(" ümläut.png ") == "ümläut.png");
  BOOST_TEST(name("\xFF.png") == "image.png");
  std::string lengthy;
  for (int i = 0; i < 300; ++i) lengthy += "ä";
  const auto cut = name(lengthy + ".jpeg");
  BOOST_TEST(net::code_points(cut) == 255u);
  BOOST_TEST(net::valid_utf8(cut));
  BOOST_TEST(cut.ends_with("ä.jpeg"));
  BOOST_TEST(net::code_points(name(std::string(300, 'x'))) == 255u);
  BOOST_TEST(net::code_points(name("a." + std::string(300, 'x'))) == 255u);
}

// The change was made: an answer that said otherwise would have it made again.
BOOST_AUTO_TEST_CASE(a_database_that_goes_away_after_the_change_does_not_undo_its_answer) {
  world w;
  w.accounts.while_finding = [] { throw core::store_unavailable("gone"); };
  const auto made = w.call("POST", "/api/v1/images", "", upload_of("a.png"));
  BOOST_REQUIRE(made.status == 201);
  BOOST_TEST(w.call("DELETE", made.headers.at("Location")).status == 204);
}

BOOST_AUTO_TEST_CASE(refused_uploads_leave_nothing) {
  world w;
  BOOST_TEST(w.call("POST", "/api/v1/images").field() == "file");
  w.codec.refuse_upload = core::make_error(core::error_code::unsupported_image, "no image");
  BOOST_TEST(w.call("POST", "/api/v1/images", "", upload_of("a.png")).status == 415);
  w.codec.refuse_upload.reset();
  w.images.refuse_insert = core::make_error(core::error_code::image_quota_reached, "full");
  const auto quota = w.call("POST", "/api/v1/images", "", upload_of("a.png"));
  BOOST_TEST(quota.status == 409);
  BOOST_TEST(quota.code() == "image_quota_reached");
  w.images.refuse_insert = core::make_error(core::error_code::storage_quota_reached, "full");
  BOOST_TEST(w.call("POST", "/api/v1/images", "", upload_of("a.png")).status == 507);
  w.images.refuse_insert.reset();
  w.blobs.full = true;
  BOOST_TEST(w.call("POST", "/api/v1/images", "", upload_of("a.png")).status == 507);
  BOOST_TEST(w.blobs.blobs.empty());
  BOOST_TEST(w.images.rows.empty());
}

BOOST_AUTO_TEST_CASE(a_commit_in_doubt_keeps_the_blob) {
  world w;
  w.images.lost_in_doubt = true;
  BOOST_CHECK_THROW(w.start("POST", "/api/v1/images", "", upload_of("a.png")),
                    core::store_unavailable);
  BOOST_TEST(w.blobs.blobs.size() == 1u);
}

BOOST_AUTO_TEST_CASE(reading_and_changing_one) {
  world w;
  const auto i = w.add_image(w.me);
  BOOST_TEST(w.call("GET", path_of(i)).parsed()["id"] == to_string(i.id));
  const auto patch = [&](const char* body) { return w.call("PATCH", path_of(i), body); };
  BOOST_TEST(patch(R"({"text_prompt":"  a cat "})").parsed()["text_prompt"] == "a cat");
  BOOST_TEST(patch("{}").parsed()["text_prompt"] == "a cat");
  BOOST_TEST(patch(R"({"text_prompt":null})").parsed()["text_prompt"].is_null());
  patch(R"({"text_prompt":"dog"})");
  BOOST_TEST(patch(R"({"text_prompt":"  "})").parsed()["text_prompt"].is_null());
  BOOST_TEST(patch(R"({"text_prompt":7})").field() == "text_prompt");
  BOOST_TEST(patch(R"({"text_prompt":"a\u0000b"})").field() == "text_prompt");
  const auto lengthy = R"({"text_prompt":")" + std::string(1025, 'x') + "\"}";
  BOOST_TEST(patch(lengthy.c_str()).status == 422);
  BOOST_TEST(patch("[]").status == 422);
  BOOST_TEST(patch("").status == 400);
}

BOOST_AUTO_TEST_CASE(somebody_elses_image_is_absent) {
  world w;
  const auto i = w.add_image(w.other);
  for (const char* suffix : {"", "/data", "/thumbnail", "/history"}) {
    const auto a = w.call("GET", path_of(i) + suffix);
    BOOST_TEST(a.status == 404);
    BOOST_TEST(a.detail() == "Image not found");
    const auto bad = w.call("GET", "/api/v1/images/17" + std::string(suffix));
    BOOST_TEST(bad.status == 422);
    BOOST_TEST(bad.field() == "id");
  }
  BOOST_TEST(w.call("PATCH", path_of(i), R"({"text_prompt":"x"})").status == 404);
  BOOST_TEST(w.call("PATCH", path_of(i), "{}").status == 404);
  BOOST_TEST(w.call("DELETE", path_of(i)).status == 404);
  BOOST_TEST(w.images.rows.size() == 1u);
}

BOOST_AUTO_TEST_CASE(deleting_removes_thumbnails_and_tells_the_quota) {
  world w;
  const auto i = w.add_image(w.me);
  w.call("GET", path_of(i) + "/thumbnail");
  BOOST_TEST(w.blobs.blobs.size() == 2u);
  BOOST_TEST(w.call("DELETE", path_of(i)).status == 204);
  BOOST_TEST(w.blobs.blobs.size() == 1u);  // the original goes through the outbox
  BOOST_TEST(script().quotas.size() == 1u);
  BOOST_TEST(w.call("DELETE", path_of(i)).status == 404);
}

BOOST_AUTO_TEST_CASE(the_bytes) {
  world w;
  const auto i = w.add_image(w.me, "Käse \"1\".png");
  const auto a = w.call("GET", path_of(i) + "/data");
  BOOST_TEST(a.status == 200);
  BOOST_TEST(a.body == "0123456789");
  BOOST_TEST(*a.content_length == 10u);
  BOOST_TEST(a.type == "image/png");
  BOOST_TEST(a.headers.at("ETag") == "\"" + i.sha256 + "\"");
  BOOST_TEST(a.headers.at("Accept-Ranges") == "bytes");
  BOOST_TEST(a.headers.at("Cache-Control").find("private") != std::string::npos);
  BOOST_TEST(a.headers.at("Content-Disposition") ==
             "inline; filename=\"K_se _1_.png\"; filename*=UTF-8''K%C3%A4se%20%221%22.png");
}

BOOST_AUTO_TEST_CASE(large_bytes_come_in_pieces) {
  world w;
  const auto i = w.add_image(w.me);
  std::string bytes;
  while (bytes.size() < 700'000) bytes += std::to_string(bytes.size());
  w.blobs.blobs[i.blob_path] = bytes;
  BOOST_TEST((w.call("GET", path_of(i) + "/data").body == bytes));
  const auto part =
      w.call("GET", path_of(i) + "/data", "", {{{"range", "bytes=1-600000"}}, {}, {}});
  BOOST_TEST((part.body == bytes.substr(1, 600'000)));
}

BOOST_AUTO_TEST_CASE(ranges_and_conditions) {
  world w;
  const auto i = w.add_image(w.me);
  const auto tag = "\"" + i.sha256 + "\"";
  const auto get = [&](std::map<std::string, std::string> headers) {
    return w.call("GET", path_of(i) + "/data", "", {std::move(headers), {}, {}});
  };
  const auto part = get({{"range", "bytes=2-4"}});
  BOOST_TEST(part.status == 206);
  BOOST_TEST(part.body == "234");
  BOOST_TEST(*part.content_length == 3u);
  BOOST_TEST(part.headers.at("Content-Range") == "bytes 2-4/10");
  // RFC 9110, 14.2: only GET has ranges.
  const auto head = w.call("HEAD", path_of(i) + "/data", "", {{{"range", "bytes=2-4"}}, {}, {}});
  BOOST_TEST(head.status == 200);
  BOOST_TEST(*head.content_length == 10u);
  const auto outside = get({{"range", "bytes=10-"}});
  BOOST_TEST(outside.status == 416);
  BOOST_TEST(outside.headers.at("Content-Range") == "bytes */10");
  BOOST_TEST(get({{"range", "bytes=0-1,3-4"}}).status == 200);
  BOOST_TEST(get({{"range", "bytes=2-4"}, {"if-range", tag}}).status == 206);
  BOOST_TEST(get({{"range", "bytes=2-4"}, {"if-range", "\"other\""}}).status == 200);
  for (const auto& known : {tag, "W/" + tag, "\"x\", " + tag, std::string("*")}) {
    const auto same = get({{"if-none-match", known}});
    BOOST_TEST(same.status == 304);
    BOOST_TEST(same.body.empty());
    BOOST_TEST(same.headers.at("ETag") == tag);
  }
  BOOST_TEST(get({{"if-none-match", "\"x\""}}).status == 200);
}

BOOST_AUTO_TEST_CASE(thumbnails_are_made_once) {
  world w;
  const auto i = w.add_image(w.me);
  const auto a = w.call("GET", path_of(i) + "/thumbnail");
  BOOST_TEST(a.body == "thumb 256 of 0123456789");
  BOOST_TEST(a.type == "image/jpeg");
  BOOST_TEST(w.call("GET", path_of(i) + "/thumbnail?size=256").body == a.body);
  BOOST_TEST(w.codec.thumbnails == 1);
  BOOST_TEST(w.call("GET", path_of(i) + "/thumbnail?size=100").body == "thumb 100 of 0123456789");
  BOOST_TEST(w.blobs.blobs.size() == 2u);
  w.blobs.full = true;
  BOOST_TEST(w.call("GET", path_of(i) + "/thumbnail?size=128").status == 200);
  for (const char* size : {"15", "1025", "x", "", "1.5", "-1", "64x"})
    BOOST_TEST(w.call("GET", path_of(i) + "/thumbnail?size=" + size).field() == "size");
}

BOOST_AUTO_TEST_CASE(history_newest_first) {
  world w;
  const auto one = w.add_image(w.me), two = w.add_image(w.me), foreign = w.add_image(w.other);
  const auto first = w.add_result(one, core::segmentation_mode::inside_box, {});
  const auto second = w.add_result(two, core::segmentation_mode::point, {});
  w.add_result(foreign, core::segmentation_mode::point, {});
  const auto all = w.call("GET", "/api/v1/images/history").parsed();
  BOOST_REQUIRE_EQUAL(all.size(), 2u);
  BOOST_TEST(all[0]["id"] == to_string(second.id));
  BOOST_TEST(all[1]["id"] == to_string(first.id));
  const auto of_one = w.call("GET", path_of(one) + "/history").parsed();
  BOOST_REQUIRE_EQUAL(of_one.size(), 1u);
  BOOST_TEST(of_one[0]["image_id"] == to_string(one.id));
}

BOOST_AUTO_TEST_SUITE_END()
