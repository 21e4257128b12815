#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>

#include "fakes.hpp"
#include "net/upload.hpp"

using namespace samovar;
using namespace samovar::tests;

namespace {

std::string read_all(const std::filesystem::path& p) {
  std::ifstream in(p, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct upload_world : world {
  explicit upload_world(net::settings s = {}) : world({}, s) {
    const auto handler = [](const net::request& q) {
      net::reply r;
      r.content_type = "text/plain";
      r.body = q.file->filename + " " + std::to_string(q.file->byte_size) + " " + q.file->sha256 +
               " " + std::to_string(read_all(q.file->path).size());
      return r;
    };
    add(make_route("POST", "/api/v1/images", net::access::signed_in, net::body_kind::file,
                   net::where::pool, handler));
    start();
  }
};

std::string form(std::string_view name, std::string_view content) {
  return "--B\r\nContent-Disposition: form-data; name=\"" + std::string(name) +
         "\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n" + std::string(content) +
         "\r\n--B--\r\n";
}

std::string head(std::string_view extra) {
  return "POST /api/v1/images HTTP/1.1\r\nHost: h\r\nX-API-Key: ann-key\r\n" + std::string(extra);
}

std::string upload_of(std::string_view body,
                      std::string_view type = "multipart/form-data; boundary=B") {
  return head("Content-Type: " + std::string(type) +
              "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n") +
         std::string(body);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(engine_upload)

BOOST_AUTO_TEST_CASE(a_file_arrives_whole) {
  upload_world w;
  client c(w.port);
  const auto small = c.ask(upload_of(form("file", "abc")));
  BOOST_TEST(small.body ==
             "a.png 3 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad 3");
  std::string large;
  for (int i = 0; i < 3'000'000; ++i) large.push_back(static_cast<char>(i * 7 + i / 255));
  const auto big = c.ask(upload_of(form("file", large)));
  BOOST_TEST(big.status == 200);
  BOOST_TEST(big.body.ends_with(" 3000000"));
  BOOST_TEST(wait_until([&] { return w.blobs.spool_files() == 0; }));
}

BOOST_AUTO_TEST_CASE(chunked_and_split) {
  upload_world w;
  client c(w.port);
  const std::string body = form("file", std::string(5'000, 'x'));
  c.send(
      head("Content-Type: multipart/form-data; boundary=B\r\nTransfer-Encoding: chunked\r\n\r\n"));
  for (std::size_t i = 0; i < body.size(); i += 700) {
    const auto part = body.substr(i, 700);
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", part.size());
    c.send(size + part + "\r\n");
  }
  c.send("0\r\n\r\n");
  BOOST_TEST(c.read().body.starts_with("a.png 5000 "));
}

BOOST_AUTO_TEST_CASE(clear_refusals) {
  upload_world w;
  client c(w.port);
  const auto missing = c.ask(upload_of(form("other", "abc")));
  BOOST_TEST(missing.status == 422);
  BOOST_TEST(missing.body.find("\"field\":\"file\"") != std::string::npos);
  const auto json = c.ask(upload_of("{}", "application/json"));
  BOOST_TEST(json.status == 422);
  BOOST_TEST(c.ask(upload_of("{}", "multipart/form-data")).status == 400);
  BOOST_TEST(c.ask(upload_of("no boundary at all")).status == 400);
  const std::string whole = form("file", "abc");
  BOOST_TEST(c.ask(upload_of(whole.substr(0, whole.size() - 5))).status == 400);
  const std::string type = "Content-Type: multipart/form-data; boundary=B\r\n";
  BOOST_TEST(c.ask(head(type + "\r\n")).status == 411);
  BOOST_TEST(c.ask(head(type + "Content-Length: 0\r\n\r\n")).status == 400);
  client d(w.port);
  const auto two =
      d.ask(upload_of("--B\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\na\r\n" + whole));
  BOOST_TEST(two.status == 422);
  BOOST_TEST(wait_until([&] { return w.blobs.spool_files() == 0; }));
}

BOOST_AUTO_TEST_CASE(too_large_is_413) {
  net::settings s;
  s.upload_bytes_max = 1'000'000;
  upload_world w(s);
  {
    client c(w.port);
    BOOST_TEST(c.ask(upload_of(form("file", std::string(1'500'000, 'x')))).status == 413);
  }
  {
    client c(w.port);
    BOOST_TEST(c.ask(head("Content-Type: multipart/form-data; boundary=B\r\nContent-Length: "
                          "50000000\r\n\r\n"))
                   .status == 413);
  }
  BOOST_TEST(wait_until([&] { return w.blobs.spool_files() == 0; }));
}

BOOST_AUTO_TEST_CASE(a_cut_upload_leaves_nothing) {
  upload_world w;
  {
    client c(w.port);
    const auto body = upload_of(form("file", std::string(2'000'000, 'x')));
    c.send(std::string_view(body).substr(0, 1'000'000));
    BOOST_TEST(wait_until([&] { return w.blobs.spool_files() == 1; }));
  }
  BOOST_TEST(wait_until([&] { return w.blobs.spool_files() == 0; }));
}

BOOST_AUTO_TEST_CASE(what_the_handler_moved_stays) {
  world w;
  std::filesystem::path kept = w.blobs.new_spool_file();
  w.add(make_route("POST", "/api/v1/images", net::access::signed_in, net::body_kind::file,
                   net::where::pool, [&](const net::request& q) {
                     std::filesystem::rename(q.file->path, kept);
                     return net::reply{};
                   }));
  w.start();
  client c(w.port);
  BOOST_TEST(c.ask(upload_of(form("file", "abc"))).status == 200);
  BOOST_TEST(c.ask(get("/health")).status == 200);
  BOOST_TEST(read_all(kept) == "abc");
}

BOOST_AUTO_TEST_SUITE_END()
