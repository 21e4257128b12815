// Decoding: every format, orientation, truncation and hostile header; thumbnails; mask PNGs.
#include "model/codec.hpp"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <random>

#include "files.hpp"

using namespace samovar;
using namespace samovar::model::tests;

namespace {

const auto codec = model::make_image_codec();

cv::Mat view(const core::pixels& p) {
  return cv::Mat(p.height, p.width, CV_8UC3, const_cast<std::uint8_t*>(p.data.data())).clone();
}

double difference(const cv::Mat& a, const cv::Mat& b) {
  if (a.size() != b.size()) return 1e9;
  return cv::norm(a, b, cv::NORM_L1) / static_cast<double>(a.total() * 3);
}

struct spool {
  explicit spool(const std::string& bytes)
      : path(std::filesystem::temp_directory_path() /
             ("samovar_codec_" + std::to_string(std::random_device{}()))) {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  ~spool() { std::filesystem::remove(path); }
  spool(const spool&) = delete;
  spool& operator=(const spool&) = delete;
  std::filesystem::path path;
};

struct sample {
  std::string extension;
  std::string content_type;
  std::string bytes;
};

std::vector<sample> samples(const cv::Mat& m) {
  return {{"jpg", "image/jpeg", encoded(".jpg", m, {cv::IMWRITE_JPEG_QUALITY, 95})},
          {"jpg", "image/jpeg", encoded(".jpg", m, {cv::IMWRITE_JPEG_PROGRESSIVE, 1})},
          {"png", "image/png", encoded(".png", m)},
          {"webp", "image/webp", encoded(".webp", m, {cv::IMWRITE_WEBP_QUALITY, 95})},
          {"webp", "image/webp", encoded(".webp", m, {cv::IMWRITE_WEBP_QUALITY, 101})},
          {"tiff", "image/tiff", encoded(".tiff", m)},
          {"bmp", "image/bmp", encoded(".bmp", m)}};
}

/// Refused, or (where only trailing bytes no decoder needs are gone) decoded to the same pixels.
void check_refused_or_same(const std::string& bytes, const cv::Mat& whole, std::size_t cut_at) {
  const auto p = codec->decode(bytes);
  if (!p.ok()) {
    BOOST_CHECK(p.failure().code == core::error_code::unsupported_image);
    return;
  }
  BOOST_CHECK_MESSAGE(difference(view(*p), whole) == 0,
                      "cut at " << cut_at << " shows other pixels");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(codec_suite)

BOOST_AUTO_TEST_CASE(every_format_is_told_by_its_content) {
  const auto m = quadrants();
  for (const auto& s : samples(m)) {
    const spool file(s.bytes);
    const auto facts = codec->inspect_file(file.path);
    BOOST_REQUIRE_MESSAGE(facts.ok(), s.extension);
    BOOST_CHECK_EQUAL(facts->content_type, s.content_type);
    BOOST_CHECK_EQUAL(facts->extension, s.extension);
    BOOST_CHECK_EQUAL(facts->width, 48);
    BOOST_CHECK_EQUAL(facts->height, 32);
    const auto p = codec->decode(s.bytes);
    BOOST_REQUIRE(p.ok());
    BOOST_CHECK_MESSAGE(difference(view(*p), m) < 10, s.extension << difference(view(*p), m));
  }
}

BOOST_AUTO_TEST_CASE(all_orientations_are_applied_alike) {
  const auto m = quadrants();
  const auto webp = encoded(".webp", m, {cv::IMWRITE_WEBP_QUALITY, 95});
  for (int o = 1; o <= 8; ++o) {
    const auto expected = oriented(m, o);
    const std::vector<std::string> files{
        jpeg_with_orientation(encoded(".jpg", m), o), png_with_orientation(encoded(".png", m), o),
        webp_with_orientation(webp, 48, 32, o), tiff_with_orientation(m, o)};
    for (const auto& bytes : files) {
      const spool file(bytes);
      const auto facts = codec->inspect_file(file.path);
      BOOST_REQUIRE_MESSAGE(facts.ok(), "orientation " << o);
      BOOST_CHECK_EQUAL(facts->width, expected.cols);
      BOOST_CHECK_EQUAL(facts->height, expected.rows);
      const auto p = codec->decode(bytes);
      BOOST_REQUIRE(p.ok());
      BOOST_CHECK_MESSAGE(difference(view(*p), expected) < 10,
                          facts->extension << " orientation " << o);
      const auto thumb = codec->thumbnail(bytes, 24);
      BOOST_REQUIRE(thumb.ok());
      const auto t = codec->decode(*thumb);
      BOOST_REQUIRE(t.ok());
      cv::Mat small;
      cv::resize(expected, small, {t->width, t->height}, 0, 0, cv::INTER_AREA);
      BOOST_CHECK_EQUAL(std::max(t->width, t->height), 24);
      BOOST_CHECK_LT(difference(view(*t), small), 16);
    }
  }
}

BOOST_AUTO_TEST_CASE(truncated_files_are_refused) {
  cv::Mat m(96, 128, CV_8UC3);
  cv::randu(m, 0, 255);
  for (const auto& s : samples(m)) {
    const auto whole = codec->decode(s.bytes);
    BOOST_REQUIRE(whole.ok());
    const auto step = std::max<std::size_t>(1, s.bytes.size() / 61);
    for (std::size_t n = 0; n + 1 < s.bytes.size(); n += step)
      check_refused_or_same(s.bytes.substr(0, n), view(*whole), n);
    for (std::size_t n = 1; n <= 24; ++n)
      check_refused_or_same(s.bytes.substr(0, s.bytes.size() - n), view(*whole),
                            s.bytes.size() - n);
    for (const auto part : {0.33, 0.66, 0.9}) {
      const auto n = static_cast<std::size_t>(static_cast<double>(s.bytes.size()) * part);
      BOOST_CHECK_MESSAGE(!codec->decode(s.bytes.substr(0, n)).ok(), s.extension << " at " << part);
      BOOST_CHECK_MESSAGE(!codec->thumbnail(s.bytes.substr(0, n), 32).ok(), s.extension);
    }
  }
}

BOOST_AUTO_TEST_CASE(damaged_files_never_crash) {
  std::mt19937 random(7);
  for (const auto& s : samples(quadrants()))
    for (int i = 0; i < 300; ++i) {
      auto bytes = s.bytes;
      for (int k = 0; k < 3; ++k) bytes[random() % bytes.size()] = static_cast<char>(random());
      const auto p = codec->decode(bytes);
      if (!p.ok()) BOOST_CHECK(!p.failure().detail.empty());
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_image_is_unsupported) {
  std::mt19937 random(3);
  std::string noise(4096, '\0');
  for (auto& c : noise) c = static_cast<char>(random());
  for (const std::string& bytes :
       {std::string(), std::string("\0", 1), std::string("GIF89a......"), std::string("hello"),
        std::string("\xFF\xD8\xFF"), std::string("BM"), std::string("RIFF....WEBP"), noise}) {
    const auto p = codec->decode(bytes);
    BOOST_REQUIRE(!p.ok());
    BOOST_CHECK(p.failure().code == core::error_code::unsupported_image);
    const spool file(bytes);
    BOOST_CHECK(!codec->inspect_file(file.path).ok());
  }
}

BOOST_AUTO_TEST_CASE(hostile_sizes_are_refused_from_the_header) {
  std::string png("\x89PNG\r\n\x1a\n", 8);
  png += png_chunk("IHDR", big32(100000) + big32(100000) + std::string("\x08\x02\0\0\0", 5));
  png += png_chunk("IDAT", "x") + png_chunk("IEND", "");
  std::string jpeg("\xFF\xD8\xFF\xC0\0\x11\x08\xFF\xFF\xFF\xFF\x03\x01\x11\0\x02\x11\0\x03\x11\0",
                   21);
  std::string bmp = "BM" + little32(100) + little32(0) + little32(54) + little32(40) +
                    little32(100000) + little32(100000) + std::string("\x01\0\x18\0", 4) +
                    std::string(24, '\0');
  auto tiff = tiff_with_orientation(quadrants(), 1);
  tiff.replace(8 + 2 + 8, 4, little32(100000)).replace(8 + 2 + 12 + 8, 4, little32(100000));
  for (const auto& bytes : {png, jpeg, bmp, tiff}) {
    const auto p = codec->decode(bytes);
    BOOST_REQUIRE(!p.ok());
    BOOST_CHECK(p.failure().code == core::error_code::payload_too_large);
  }
}

BOOST_AUTO_TEST_CASE(grey_alpha_and_deep_images_become_bgr) {
  cv::Mat grey(10, 20, CV_8UC1, cv::Scalar(77));
  for (const auto& e : {".png", ".jpg", ".tiff", ".bmp"}) {
    const auto p = codec->decode(encoded(e, grey));
    BOOST_REQUIRE_MESSAGE(p.ok(), e);
    BOOST_CHECK_LT(difference(view(*p), cv::Mat(10, 20, CV_8UC3, cv::Scalar::all(77))), 1.5);
  }
  const cv::Mat deep(10, 20, CV_16UC3, cv::Scalar(257 * 10, 257 * 20, 257 * 30));
  for (const auto& e : {".png", ".tiff"}) {
    const auto p = codec->decode(encoded(e, deep));
    BOOST_REQUIRE_MESSAGE(p.ok(), e);
    BOOST_CHECK_EQUAL(difference(view(*p), cv::Mat(10, 20, CV_8UC3, cv::Scalar(10, 20, 30))), 0);
  }
  cv::Mat alpha(10, 20, CV_8UC4, cv::Scalar(0, 0, 200, 255));
  alpha(cv::Rect(0, 0, 10, 10)).setTo(cv::Scalar(0, 0, 200, 0));
  const auto p = codec->decode(encoded(".png", alpha));
  BOOST_REQUIRE(p.ok());
  BOOST_CHECK_EQUAL(view(*p).at<cv::Vec3b>(5, 2), cv::Vec3b(255, 255, 255));
  BOOST_CHECK_EQUAL(view(*p).at<cv::Vec3b>(5, 15), cv::Vec3b(0, 0, 200));
}

BOOST_AUTO_TEST_CASE(cmyk_jpegs_become_bgr) {
  const auto p = codec->decode(cmyk_jpeg(24, 16, {0, 255, 255, 0}));  // magenta and yellow: red
  BOOST_REQUIRE(p.ok());
  BOOST_CHECK_LT(difference(view(*p), cv::Mat(16, 24, CV_8UC3, cv::Scalar(0, 0, 255))), 6);
  const auto black = codec->decode(cmyk_jpeg(24, 16, {0, 0, 0, 255}));
  BOOST_REQUIRE(black.ok());
  BOOST_CHECK_LT(difference(view(*black), cv::Mat::zeros(16, 24, CV_8UC3)), 6);
}

BOOST_AUTO_TEST_CASE(an_animation_shows_its_first_frame_on_its_canvas) {
  const auto still = encoded(".webp", quadrants(), {cv::IMWRITE_WEBP_QUALITY, 101});
  const auto p = codec->decode(animated_webp(still, {4, 2, 48, 32}, {60, 40}));
  BOOST_REQUIRE(p.ok());
  cv::Mat expected(40, 60, CV_8UC3, cv::Scalar::all(255));
  quadrants().copyTo(expected(cv::Rect(4, 2, 48, 32)));
  BOOST_CHECK_LT(difference(view(*p), expected), 3);
  BOOST_CHECK(!codec->decode(animated_webp(still, {40, 30, 48, 32}, {60, 40})).ok());
}

BOOST_AUTO_TEST_CASE(thumbnails_fit_and_never_grow) {
  for (const auto& s : samples(quadrants(640, 480))) {
    const auto t = codec->thumbnail(s.bytes, 100);
    BOOST_REQUIRE(t.ok());
    const auto p = codec->decode(*t);
    BOOST_REQUIRE(p.ok());
    BOOST_CHECK_EQUAL(p->width, 100);
    BOOST_CHECK_EQUAL(p->height, 75);
    const auto big = codec->thumbnail(s.bytes, 1024);
    BOOST_REQUIRE(big.ok());
    BOOST_CHECK_EQUAL(codec->decode(*big)->width, 640);
  }
}

BOOST_AUTO_TEST_CASE(mask_pngs_come_back_bit_exact) {
  std::mt19937 random(11);
  for (const auto& [w, h, levels] : std::vector<std::array<int, 3>>{
           {1, 1, 256}, {7, 3, 256}, {300, 200, 2}, {513, 77, 256}, {2000, 1, 1}, {261, 4, 1}}) {
    std::vector<std::uint8_t> grey(static_cast<std::size_t>(w * h));
    std::uint8_t v = 0;
    for (auto& g : grey) {
      if (random() % 37 == 0 || levels == 256) v = static_cast<std::uint8_t>(random() % levels);
      g = v;
    }
    for (std::size_t n = 250; n < 1200 && n < grey.size(); ++n) grey[n] = 200;
    const auto png = codec->encode_png(grey, w, h);
    const cv::Mat raw(1, static_cast<int>(png.size()), CV_8UC1, const_cast<char*>(png.data()));
    const cv::Mat back = cv::imdecode(raw, cv::IMREAD_UNCHANGED);
    BOOST_REQUIRE_EQUAL(back.type(), CV_8UC1);
    BOOST_REQUIRE_EQUAL(back.cols, w);
    BOOST_CHECK(std::equal(grey.begin(), grey.end(), back.begin<std::uint8_t>()));
    BOOST_CHECK(codec->decode(png).ok());
  }
}

BOOST_AUTO_TEST_SUITE_END()
