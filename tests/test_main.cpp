#define BOOST_TEST_MODULE samovar
#include <boost/test/unit_test.hpp>
