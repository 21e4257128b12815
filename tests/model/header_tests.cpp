// Header parsing from the beginning of a file.
#include "model/header.hpp"

#include <boost/test/unit_test.hpp>

#include "files.hpp"

using namespace samovar;
using namespace samovar::model::tests;

BOOST_AUTO_TEST_SUITE(header)

BOOST_AUTO_TEST_CASE(a_prefix_is_enough_for_the_size) {
  const auto m = quadrants(320, 200);
  for (const auto* e : {".jpg", ".png", ".webp", ".bmp"}) {
    const auto bytes = encoded(e, m);
    const auto h = model::read_header(std::string_view(bytes).substr(0, 700));
    BOOST_REQUIRE_MESSAGE(h.ok(), e);
    BOOST_CHECK_EQUAL(h->width, 320);
    BOOST_CHECK_EQUAL(h->height, 200);
  }
}

BOOST_AUTO_TEST_CASE(sides_change_places_for_turned_images) {
  const auto h = model::read_header(jpeg_with_orientation(encoded(".jpg", quadrants()), 6));
  BOOST_REQUIRE(h.ok());
  BOOST_CHECK_EQUAL(h->orientation, 6);
  BOOST_CHECK(model::oriented_size(*h) == (core::size{32, 48}));
}

BOOST_AUTO_TEST_CASE(damaged_exif_means_upright) {
  const auto block = exif_block(6);
  BOOST_CHECK_EQUAL(model::exif_orientation(block), 6);
  for (std::size_t n = 0; n < 18; ++n)
    BOOST_CHECK_EQUAL(model::exif_orientation(std::string_view(block).substr(0, n)), 1);
  BOOST_CHECK_EQUAL(model::exif_orientation(exif_block(9)), 1);
  BOOST_CHECK_EQUAL(model::exif_orientation(exif_block(0)), 1);
}

BOOST_AUTO_TEST_SUITE_END()
