#include <atomic>
#include <boost/test/unit_test.hpp>
#include <future>
#include <string>
#include <vector>

#include "fakes.hpp"
#include "net/authentication.hpp"
#include "net/multipart.hpp"
#include "net/rate_limit.hpp"
#include "net/reply_head.hpp"
#include "net/router.hpp"
#include "net/text.hpp"
#include "net/worker_pool.hpp"

using namespace samovar;
using namespace std::chrono_literals;

namespace {

struct parts {
  std::vector<net::part_info> infos;
  std::vector<std::string> bodies;
  int ended = 0;
  net::multipart_parser::callbacks calls() {
    return {[this](const net::part_info& p) {
              infos.push_back(p);
              bodies.emplace_back();
            },
            [this](std::string_view d) { bodies.back().append(d); }, [this] { ++ended; }};
  }
};

const std::string content = std::string("first\r\n--XX\r\n--XY\r") + '\0' + "\n-- last";
const std::string form =
    "ignored preamble\r\n--XYZ \r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello"
    "\r\n--XYZ\r\nContent-Type: image/png\r\n"
    "content-disposition: form-data; name=\"file\"; filename=\"C:\\dir\\\\a "
    "\\\"b\\\".png\"\r\n\r\n" +
    content +
    "\r\n--XYZ\r\nContent-Disposition: form-data; name=\"empty\"\r\n\r\n\r\n--XYZ--\r\nend";

void check_form(const parts& p, const net::multipart_parser& parser) {
  BOOST_TEST(parser.finished());
  BOOST_REQUIRE_EQUAL(p.infos.size(), 3u);
  BOOST_TEST(p.infos[0].name == "note");
  BOOST_TEST(p.bodies[0] == "hello");
  BOOST_TEST(p.infos[1].name == "file");
  BOOST_TEST(p.infos[1].filename == "a \"b\".png");
  BOOST_TEST(p.bodies[1] == content);
  BOOST_TEST(p.bodies[2].empty());
  BOOST_TEST(p.ended == 3);
}

net::route plain(std::string method, std::string pattern) {
  net::route r;
  r.method = std::move(method);
  r.pattern = std::move(pattern);
  return r;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(engine_pure)

BOOST_AUTO_TEST_CASE(multipart_split_at_every_position) {
  for (std::size_t cut = 0; cut <= form.size(); ++cut) {
    parts p;
    net::multipart_parser parser("XYZ", p.calls());
    BOOST_REQUIRE(parser.feed(std::string_view(form).substr(0, cut)));
    BOOST_REQUIRE(parser.feed(std::string_view(form).substr(cut)));
    check_form(p, parser);
  }
}

BOOST_AUTO_TEST_CASE(multipart_byte_by_byte) {
  parts p;
  net::multipart_parser parser("XYZ", p.calls());
  for (const char c : form) BOOST_REQUIRE(parser.feed({&c, 1}));
  check_form(p, parser);
}

BOOST_AUTO_TEST_CASE(multipart_says_what_is_wrong) {
  parts p;
  net::multipart_parser no_disposition("B", p.calls());
  BOOST_TEST(!no_disposition.feed("--B\r\nContent-Type: a/b\r\n\r\nx"));
  BOOST_TEST(!no_disposition.feed("anything"));
  net::multipart_parser junk("B", p.calls());
  BOOST_TEST(!junk.feed("--Bjunk\r\n\r\n"));
  net::multipart_parser huge("B", p.calls());
  BOOST_TEST(!huge.feed("--B\r\n" + std::string(20'000, 'h')));
  net::multipart_parser cut("B", p.calls());
  BOOST_TEST(cut.feed("--B\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nabc"));
  BOOST_TEST(!cut.finished());
}

BOOST_AUTO_TEST_CASE(multipart_boundaries_and_filenames) {
  BOOST_TEST(*net::multipart_boundary("multipart/form-data; boundary=abc") == "abc");
  BOOST_TEST(*net::multipart_boundary("Multipart/Form-Data; charset=x; boundary=\"a b\"") == "a b");
  BOOST_TEST(net::multipart_boundary("application/json").failure().field == "file");
  BOOST_TEST(!net::multipart_boundary("multipart/form-data").ok());
  BOOST_TEST(
      !net::multipart_boundary("multipart/form-data; boundary=" + std::string(71, 'a')).ok());
  BOOST_TEST(net::clean_filename("../../etc/passwd") == "passwd");
  BOOST_TEST(net::clean_filename("..") == "_");
  BOOST_TEST(net::clean_filename("a\xff\x01\xc3\xa9") == "a__\xc3\xa9");
  // Not cut here: who stores the name knows how to keep its extension.
  BOOST_TEST(net::clean_filename(std::string(300, 'x') + ".png") == std::string(300, 'x') + ".png");
}

BOOST_AUTO_TEST_CASE(router_finds_literals_first) {
  net::router r;
  r.add(plain("GET", "/a/{id}"));
  r.add(plain("GET", "/a/history"));
  r.add(plain("DELETE", "/a/{id}"));
  r.add(plain("GET", "/a/{id}/history"));
  r.add(plain("POST", "/a/{id}/{other}"));
  BOOST_CHECK_THROW(r.add(plain("GET", "/a/{name}")), std::invalid_argument);
  std::vector<std::string> values;
  BOOST_TEST(r.find("GET", "/a/history", values).index == 1);
  BOOST_TEST(values.empty());
  BOOST_TEST(r.find("HEAD", "/a/7", values).index == 0);
  BOOST_REQUIRE_EQUAL(values.size(), 1u);
  BOOST_TEST(values[0] == "7");
  values.clear();
  BOOST_TEST(r.find("POST", "/a/7/8", values).index == 4);
  BOOST_TEST(values.size() == 2u);
  values.clear();
  const auto wrong = r.find("PUT", "/a/7", values);
  BOOST_TEST(wrong.path_known);
  BOOST_TEST(wrong.allow == "GET, HEAD, DELETE");
  for (const char* path : {"/a/", "/a", "/", "", "/a/7/history/x", "//a/7"})
    BOOST_TEST(!r.find("GET", path, values).path_known);
}

BOOST_AUTO_TEST_CASE(rate_limit_refills_and_stays_small) {
  net::rate_limit limit({1.0, 3.0}, 100);
  const net::rate_limit::time t0{};
  for (int i = 0; i < 3; ++i) BOOST_TEST(limit.take("a", t0));
  BOOST_TEST(!limit.take("a", t0));
  BOOST_TEST(limit.retry_after_s("a", t0) == 1);
  BOOST_TEST(limit.take("b", t0));
  BOOST_TEST(limit.take("a", t0 + 1100ms));
  BOOST_TEST(!limit.take("a", t0 + 1200ms));
  for (int i = 0; i < 1000; ++i) limit.take(std::to_string(i), t0);
  BOOST_TEST(limit.size() <= 100u);
  net::door_limits door;
  for (int i = 0; i < 10; ++i) {
    BOOST_TEST(door.allow_sign_in("x@y", "10.0.0.1", t0));
    door.sign_in_failed("x@y", "10.0.0.1", t0);
  }
  BOOST_TEST(!door.allow_sign_in("x@y", "10.0.0.2", t0));
  BOOST_TEST(door.allow_sign_in("z@y", "10.0.0.1", t0));
  BOOST_TEST(door.allow_sign_in("x@y", "10.0.0.1", t0 + 7s));
}

BOOST_AUTO_TEST_CASE(pool_is_bounded) {
  std::promise<void> gate;
  auto open = gate.get_future().share();
  std::promise<void> begun;
  std::atomic<int> ran{0};
  net::worker_pool pool(1, 2);
  BOOST_TEST(pool.submit([&] {
    begun.set_value();
    open.wait();
  }));
  begun.get_future().wait();
  BOOST_TEST(pool.submit([&] { ++ran; }));
  BOOST_TEST(pool.submit([&] { ++ran; }));
  BOOST_TEST(!pool.submit([&] { ++ran; }));
  BOOST_TEST(pool.submit_continuation([&] { ++ran; }));
  gate.set_value();
  BOOST_TEST(tests::wait_until([&] { return ran == 3; }));
  pool.stop();
  BOOST_TEST(!pool.submit([] {}));
}

BOOST_AUTO_TEST_CASE(credentials_and_origins) {
  const auto bearer = net::find_credential("bearer  abc", "k", "samovar_session=s");
  BOOST_TEST(bearer.secret == "abc");
  BOOST_TEST(net::find_credential("", "k", "samovar_session=s").secret == "k");
  const auto cookie = net::find_credential("Basic x", "", "a=b; samovar_session=s");
  BOOST_TEST((cookie.kind == net::credential_kind::web_session));
  BOOST_TEST(cookie.secret == "s");
  BOOST_TEST((net::find_credential("", "", "a=b").kind == net::credential_kind::none));
  BOOST_TEST(net::same_origin("http://h:80", "", "h:80", ""));
  BOOST_TEST(!net::same_origin("http://evil", "http://h/x", "h", ""));
  BOOST_TEST(!net::same_origin("null", "", "h", ""));
  BOOST_TEST(net::same_origin("", "https://H/page?x", "h", ""));
  BOOST_TEST(net::same_origin("https://lab.example", "", "inner:8080", "https://lab.example/"));
  BOOST_TEST(net::same_origin("", "", "h", ""));
}

BOOST_AUTO_TEST_CASE(answers_cannot_be_split) {
  net::reply r;
  r.headers.emplace_back("Location", "/x\r\nSet-Cookie: evil=1");
  std::string head;
  net::write_head(head, r, {});
  BOOST_TEST(head.find("evil") == std::string::npos);
  BOOST_TEST(head.find("script") == std::string::npos);
  BOOST_TEST(head.find("frame-ancestors 'none'") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(text_helpers) {
  BOOST_TEST(net::percent_decode("a%20b+c%zz", true) == "a b c%zz");
  BOOST_TEST(!net::percent_valid("%4"));
  BOOST_TEST(net::utf8_length("\xed\xa0\x80") == 0u);
  BOOST_TEST(net::utf8_length("\xf0\x9f\x98\x80") == 4u);
  BOOST_TEST(!net::equal_in_constant_time("ab", "ac"));
  BOOST_TEST(net::equal_in_constant_time("ab", "ab"));
}

BOOST_AUTO_TEST_SUITE_END()
