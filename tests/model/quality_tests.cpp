// Masks on photographs against outlines drawn by hand. The bars are the product's promise.
#include "photographs.hpp"

using namespace samovar;
using namespace samovar::model::tests;

BOOST_AUTO_TEST_SUITE(quality)

BOOST_AUTO_TEST_CASE(a_box_around_an_object_gives_its_outline) {
  const auto segmenter = model::make_classical_segmenter();
  double sum = 0, worst = 1;
  const auto all = outlines();
  BOOST_REQUIRE_GE(all.size(), 12U);
  for (const auto& o : all) {
    const auto image = photograph(o.image);
    const auto found = ask(*segmenter, image, core::segmentation_mode::inside_box,
                           boxes({o.area}, core::prompt_type::segment));
    BOOST_REQUIRE_EQUAL(found.size(), 1U);
    const double iou =
        mask_iou(to_mat(found[0].mask), reference_mask(o, image->width, image->height));
    std::printf("box   %-20s IoU %.3f score %.2f\n", o.name.c_str(), iou, found[0].score);
    BOOST_CHECK_MESSAGE(iou >= 0.78, o.name << " has IoU " << iou);
    sum += iou;
    worst = std::min(worst, iou);
  }
  const double mean = sum / static_cast<double>(all.size());
  std::printf("box   mean %.3f worst %.3f\n", mean, worst);
  BOOST_CHECK_GE(mean, 0.90);
}

BOOST_AUTO_TEST_SUITE_END()
