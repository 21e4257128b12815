// The module's boundary: found, loaded, of our version; and what is said when it is not.
#include <boost/test/unit_test.hpp>

#include "model/sam3_loader.hpp"

using namespace samovar;

BOOST_AUTO_TEST_SUITE(sam3_module)

BOOST_AUTO_TEST_CASE(a_file_that_is_no_module_of_ours_is_refused) {
  const auto none = model::load_sam3_module({});
  BOOST_REQUIRE(!none);
  BOOST_TEST(none.failure().detail.find("libtorch-dev") != std::string::npos);
  const auto other = model::load_sam3_module("libz.so.1");
  BOOST_REQUIRE(!other);
  BOOST_TEST(other.failure().detail.find("another version") != std::string::npos);
  BOOST_TEST(!model::load_sam3_module("/nowhere/libsamovar_sam3.so"));
}

#ifdef SAMOVAR_SAM3_MODULE
BOOST_AUTO_TEST_CASE(the_module_loads_and_makes_segmenters) {
  const auto loaded = model::load_sam3_module(SAMOVAR_SAM3_MODULE);
  BOOST_REQUIRE_MESSAGE(loaded.ok(), (loaded ? "" : loaded.failure().detail));
  BOOST_TEST(model::sam3_cuda_devices().value() >= -1);
  model::sam3::segmenter_settings s;
  s.checkpoint = SAMOVAR_SOURCE_DIR "/tests/golden/sam3/weights.safetensors";
  s.dtype = "fp32";
  const auto made = model::make_sam3_segmenter(s);
  BOOST_TEST(made->identity().starts_with("sam3/1-"));
  s.checkpoint = "/nowhere/weights.safetensors";
  BOOST_CHECK_EXCEPTION(model::make_sam3_segmenter(s), std::runtime_error, [](const auto& e) {
    return std::string(e.what()).find("/nowhere/weights.safetensors") != std::string::npos;
  });
}
#endif

BOOST_AUTO_TEST_SUITE_END()
