// Polygons of masks.
#include "model/contour.hpp"

#include <boost/test/unit_test.hpp>
#include <opencv2/imgproc.hpp>

using namespace samovar;

namespace {

core::rle encode(const cv::Mat& m) {
  return core::encode_rle({m.data, m.total()}, m.rows, m.cols, static_cast<std::size_t>(m.cols));
}

double area_of(const std::vector<double>& flat) {
  double twice = 0;
  for (std::size_t i = 0; i < flat.size(); i += 2) {
    const auto j = (i + 2) % flat.size();
    twice += flat[i] * flat[j + 1] - flat[j] * flat[i + 1];
  }
  return std::abs(twice) / 2;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(contour)

BOOST_AUTO_TEST_CASE(a_rectangle_is_its_four_pixel_edges) {
  cv::Mat m = cv::Mat::zeros(20, 30, CV_8UC1);
  m(cv::Rect(3, 4, 5, 6)).setTo(255);
  const auto p = model::outer_polygons(encode(m));
  BOOST_REQUIRE_EQUAL(p.size(), 1U);
  const std::vector<double> expected{3, 4, 8, 4, 8, 10, 3, 10};
  BOOST_CHECK_EQUAL_COLLECTIONS(p[0].begin(), p[0].end(), expected.begin(), expected.end());
}

BOOST_AUTO_TEST_CASE(single_pixels_corners_and_diagonals) {
  cv::Mat m = cv::Mat::zeros(5, 5, CV_8UC1);
  m.at<std::uint8_t>(0, 0) = m.at<std::uint8_t>(4, 4) = 255;
  m.at<std::uint8_t>(3, 3) = 255;
  const auto p = model::outer_polygons(encode(m));
  BOOST_REQUIRE_EQUAL(p.size(), 2U);
  BOOST_CHECK_EQUAL(area_of(p[0]), 2.0);
  BOOST_CHECK_EQUAL(area_of(p[1]), 1.0);
  for (const auto& q : p) BOOST_CHECK_GE(q.size(), 6U);
}

BOOST_AUTO_TEST_CASE(an_island_in_a_hole_has_its_own_polygon_and_the_hole_none) {
  cv::Mat m = cv::Mat::zeros(60, 60, CV_8UC1);
  cv::circle(m, {30, 30}, 25, cv::Scalar(255), cv::FILLED);
  cv::circle(m, {30, 30}, 15, cv::Scalar(0), cv::FILLED);
  cv::circle(m, {30, 30}, 6, cv::Scalar(255), cv::FILLED);
  const auto p = model::outer_polygons(encode(m));
  BOOST_REQUIRE_EQUAL(p.size(), 2U);
  cv::Mat disc = cv::Mat::zeros(60, 60, CV_8UC1), island = disc.clone();
  cv::circle(disc, {30, 30}, 25, cv::Scalar(255), cv::FILLED);
  cv::circle(island, {30, 30}, 6, cv::Scalar(255), cv::FILLED);
  BOOST_CHECK_CLOSE(area_of(p[0]), cv::countNonZero(disc), 2.0);
  BOOST_CHECK_CLOSE(area_of(p[1]), cv::countNonZero(island), 8.0);
  BOOST_CHECK_LT(p[0].size(), 160U);
}

BOOST_AUTO_TEST_CASE(empty_and_full_masks) {
  BOOST_CHECK(model::outer_polygons(encode(cv::Mat::zeros(9, 9, CV_8UC1))).empty());
  const auto p = model::outer_polygons(encode(cv::Mat(9, 9, CV_8UC1, cv::Scalar(1))));
  BOOST_REQUIRE_EQUAL(p.size(), 1U);
  BOOST_CHECK_EQUAL(area_of(p[0]), 81.0);
}

BOOST_AUTO_TEST_SUITE_END()
