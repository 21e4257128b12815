#include <dlfcn.h>

#include <boost/test/unit_test.hpp>

#include "model/sam3/module.hpp"

BOOST_AUTO_TEST_SUITE(sam3_module)

BOOST_AUTO_TEST_CASE(the_module_loads_and_speaks_our_interface) {
  void* module = dlopen(SAMOVAR_SAM3_MODULE, RTLD_NOW | RTLD_LOCAL);
  BOOST_REQUIRE_MESSAGE(module != nullptr, dlerror());
  using function = int (*)();
  const auto number = reinterpret_cast<function>(dlsym(module, "samovar_sam3_interface_number"));
  BOOST_REQUIRE(number != nullptr);
  BOOST_TEST(number() == samovar::model::sam3::interface_number);
  dlclose(module);
}

BOOST_AUTO_TEST_SUITE_END()
