// Find all: two exemplars bring the other objects of their kind. Recall and precision by boxes.
#include "photographs.hpp"

using namespace samovar;
using namespace samovar::model::tests;

namespace {

struct scene {
  std::string name;
  std::shared_ptr<const core::pixels> image;
  std::vector<core::box> objects;  ///< the first two are the exemplars
  std::vector<core::box> negative;
  std::vector<core::box> either = {};  ///< found or not, they don't count
};

void check(const scene& s) {
  const auto segmenter = model::make_classical_segmenter();
  const std::vector<core::box> exemplars(s.objects.begin(), s.objects.begin() + 2);
  auto found = ask(*segmenter, s.image, core::segmentation_mode::find_all,
                   boxes(exemplars, core::prompt_type::positive_exemplar, s.negative));
  std::erase_if(found, [&](const auto& d) {
    return std::any_of(s.either.begin(), s.either.end(),
                       [&](const auto& e) { return core::box_iou(d.bounds, e) > 0.3; });
  });
  std::size_t hits = 0;
  std::vector<bool> used(found.size());
  for (const auto& o : s.objects)
    for (std::size_t i = 0; i < found.size(); ++i)
      if (!used[i] && core::box_iou(found[i].bounds, o) >= 0.5) {
        used[i] = true;
        ++hits;
        break;
      }
  const double recall = static_cast<double>(hits) / static_cast<double>(s.objects.size());
  const double precision =
      found.empty() ? 0 : static_cast<double>(hits) / static_cast<double>(found.size());
  std::printf("all   %-20s recall %.3f precision %.3f (%zu objects, %zu found)\n", s.name.c_str(),
              recall, precision, s.objects.size(), found.size());
  BOOST_CHECK_MESSAGE(recall >= 0.85, s.name << " recall " << recall);
  BOOST_CHECK_MESSAGE(precision >= 0.8, s.name << " precision " << precision);
  BOOST_CHECK(std::is_sorted(found.begin(), found.end(),
                             [](const auto& a, const auto& b) { return a.score > b.score; }));
}

cv::Mat ground(int width, int height, const cv::Scalar& color, int noise) {
  cv::Mat m(height, width, CV_8UC3, color), n(height, width, CV_8UC3);
  cv::RNG random(9);
  random.fill(n, cv::RNG::UNIFORM, 0, noise);
  return m + n;
}

void light_from_the_left(cv::Mat& m) {
  for (int x = 0; x < m.cols; ++x) m.col(x) *= 1.0 - 0.35 * x / m.cols;
}

core::box around(cv::Point c, int rx, int ry) {
  return {c.x - rx, c.y - ry, 2 * rx + 1, 2 * ry + 1};
}

scene blobs() {
  scene s{"blobs", {}, {}, {}};
  cv::Mat m = ground(640, 480, cv::Scalar(200, 205, 210), 25);
  cv::RNG random(21);
  for (int i = 0; i < 20; ++i) {
    const cv::Point c(70 + i % 5 * 125 + random.uniform(-20, 20),
                      60 + i / 5 * 115 + random.uniform(-15, 15));
    const int r = random.uniform(20, 32);
    cv::circle(m, c, r, cv::Scalar(150, 70, 40), cv::FILLED, cv::LINE_AA);
    s.objects.push_back(around(c, r, r));
  }
  for (int i = 0; i < 4; ++i)  // of another kind
    cv::rectangle(m, cv::Rect(20 + i * 160, 440, 46, 30), cv::Scalar(60, 160, 60), cv::FILLED);
  s.image = to_pixels(m);
  return s;
}

scene coins() {
  scene s{"coins", {}, {}, {}};
  cv::Mat m = ground(800, 600, cv::Scalar(60, 75, 85), 30);
  cv::RNG random(4);
  for (int i = 0; i < 24; ++i) {
    const cv::Point c(70 + i % 6 * 132 + random.uniform(-15, 15),
                      75 + i / 6 * 148 + random.uniform(-20, 20));
    const int r = random.uniform(34, 44);
    cv::circle(m, c, r, cv::Scalar(120, 175, 195), cv::FILLED, cv::LINE_AA);
    cv::circle(m, c, r - 5, cv::Scalar(90, 140, 165), 2, cv::LINE_AA);
    cv::ellipse(m, c, {r / 2, r / 3}, random.uniform(0, 180), 0, 360, cv::Scalar(150, 200, 215),
                cv::FILLED, cv::LINE_AA);
    s.objects.push_back(around(c, r, r));
  }
  light_from_the_left(m);
  s.image = to_pixels(m);
  return s;
}

scene leaves() {
  scene s{"leaves", {}, {}, {}};
  cv::Mat m = ground(700, 520, cv::Scalar(70, 90, 120), 40);
  cv::RNG random(33);
  for (int i = 0; i < 15; ++i) {
    const cv::Point c(85 + i % 5 * 132, 90 + i / 5 * 165);
    const double degrees = random.uniform(0, 180);
    const cv::Size half(44, 17);
    cv::ellipse(m, c, half, degrees, 0, 360, cv::Scalar(50, 165, 80), cv::FILLED, cv::LINE_AA);
    const double a = degrees * CV_PI / 180;
    const cv::Point tip(cvRound(44 * std::cos(a)), cvRound(44 * std::sin(a)));
    cv::line(m, c - tip, c + tip, cv::Scalar(80, 200, 120), 2, cv::LINE_AA);
    const int rx = cvRound(std::hypot(44 * std::cos(a), 17 * std::sin(a)));
    const int ry = cvRound(std::hypot(44 * std::sin(a), 17 * std::cos(a)));
    s.objects.push_back(around(c, rx, ry));
  }
  s.image = to_pixels(m);
  return s;
}

scene chess_squares() {
  scene s{"chess squares", {}, {}, {}};
  cv::Mat m = ground(560, 560, cv::Scalar(215, 220, 225), 15);
  for (int y = 0; y < 8; ++y)
    for (int x = 0; x < 8; ++x) {
      if ((x + y) % 2 == 0) continue;
      const cv::Rect r(40 + x * 60, 40 + y * 60, 60, 60);
      cv::rectangle(m, r, cv::Scalar(40, 45, 50), cv::FILLED);
      s.objects.push_back({r.x, r.y, r.width, r.height});
    }
  cv::GaussianBlur(m, m, {3, 3}, 0.8);
  light_from_the_left(m);
  s.image = to_pixels(m);
  return s;
}

/// The photograph of a person holding a chessboard: 28 whole dark squares, and cut ones at both
/// sides. Corners of the whole squares' grid by hand, top left first, clockwise.
scene held_chessboard() {
  scene s{"left01 chessboard", photograph("left01.jpg"), {}, {}, {}};
  const std::vector<cv::Point2f> grid{{0, 0}, {8, 0}, {8, 7}, {0, 7}};
  const std::vector<cv::Point2f> image{{244.4F, 64.4F}, {511.9F, 51.9F}, {508, 298.8F}, {250, 283}};
  const cv::Mat to_image = cv::getPerspectiveTransform(grid, image);
  const auto cell = [&](float x, float y, float width) {
    std::vector<cv::Point2f> corners{{x, y}, {x + width, y}, {x + width, y + 1}, {x, y + 1}}, out;
    cv::perspectiveTransform(corners, out, to_image);
    const auto r = cv::boundingRect(out);
    return core::box{r.x, r.y, r.width, r.height};
  };
  for (int y = 0; y < 7; ++y) {
    const auto fy = static_cast<float>(y);
    s.either.push_back(y % 2 == 0 ? cell(-0.5F, fy, 0.5F) : cell(8, fy, 0.5F));
    for (int x = 0; x < 8; ++x)
      if ((x + y) % 2 == 1) s.objects.push_back(cell(static_cast<float>(x), fy, 1));
  }
  std::swap(s.objects[0], s.objects[9]);  // exemplars from the middle
  std::swap(s.objects[1], s.objects[14]);
  return s;
}

scene smarties() {
  scene s{"smarties, blue", photograph("smarties.png"), {}, {}, {}};
  s.objects = {{350, 54, 54, 56}, {320, 210, 54, 55}, {267, 291, 55, 57}};
  return s;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(find_all)

BOOST_AUTO_TEST_CASE(dark_squares_of_a_photographed_chessboard) { check(held_chessboard()); }
BOOST_AUTO_TEST_CASE(sweets_of_one_colour) { check(smarties()); }

BOOST_AUTO_TEST_CASE(blobs_of_one_kind) { check(blobs()); }
BOOST_AUTO_TEST_CASE(coins_in_uneven_light) { check(coins()); }
BOOST_AUTO_TEST_CASE(leaves_at_any_angle) { check(leaves()); }
BOOST_AUTO_TEST_CASE(squares_that_touch_at_their_corners) { check(chess_squares()); }

BOOST_AUTO_TEST_CASE(the_exemplars_are_found_and_a_negative_one_vetoes_its_kind) {
  cv::Mat m = ground(500, 300, cv::Scalar(200, 205, 210), 20);
  for (int i = 0; i < 4; ++i) {
    cv::circle(m, {60 + i * 120, 80}, 28, cv::Scalar(40, 60, 200), cv::FILLED, cv::LINE_AA);
    cv::circle(m, {60 + i * 120, 210}, 28, cv::Scalar(40, 110, 210), cv::FILLED, cv::LINE_AA);
  }
  const auto s = model::make_classical_segmenter();
  const auto found = ask(*s, to_pixels(m), core::segmentation_mode::find_all,
                         boxes({around({60, 80}, 28, 28)}, core::prompt_type::positive_exemplar,
                               {around({60, 210}, 28, 28)}));
  std::size_t wanted = 0;
  for (const auto& d : found) {
    BOOST_CHECK_LT(d.bounds.y, 120);
    wanted += d.bounds.y < 120 ? 1 : 0;
  }
  BOOST_CHECK_EQUAL(wanted, 4U);
  BOOST_CHECK(std::any_of(found.begin(), found.end(), [](const auto& d) {
    return core::box_iou(d.bounds, around({60, 80}, 28, 28)) > 0.8;
  }));
}

BOOST_AUTO_TEST_SUITE_END()
