#include <boost/test/unit_test.hpp>
#include <future>

#include "fakes.hpp"
#include "net/authentication.hpp"
#include "net/worker_pool.hpp"

using namespace samovar;
using namespace samovar::tests;
using namespace std::chrono_literals;

namespace {

struct fixture {
  fake_secrets secrets;
  fake_accounts accounts;
  net::worker_pool pool{2, 100};
  net::authentication auth{accounts, secrets, pool};
  net::credential key{net::credential_kind::api_key, "k"};

  fixture() {
    auto a = make_actor(1);
    a.via_key = core::api_key_id{};
    accounts.add_key("k", a);
  }
  ~fixture() { pool.stop(); }

  core::outcome<net::authentication::entry_ptr> verify(const net::credential& c) {
    auto done = std::make_shared<std::promise<core::outcome<net::authentication::entry_ptr>>>();
    auto got = done->get_future();
    auth.verify(c, [done](auto r) { done->set_value(std::move(r)); });
    return got.get();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(engine_authentication, fixture)

BOOST_AUTO_TEST_CASE(verified_then_cached_then_refreshed) {
  const auto now = net::authentication::clock::now();
  BOOST_TEST(!auth.find_fresh(key, now));
  const auto first = verify(key);
  BOOST_REQUIRE(first.ok() && *first);
  const auto t = net::authentication::clock::now();
  BOOST_TEST((auth.find_fresh(key, t) == *first));
  BOOST_TEST(accounts.lookups == 1);
  BOOST_TEST((auth.find_fresh(key, t + 600ms) == *first));  // usable, and looked up again
  BOOST_TEST(wait_until([&] { return accounts.lookups == 2; }));
  BOOST_TEST(!auth.find_fresh(key, t + 60s));
}

BOOST_AUTO_TEST_CASE(the_only_use_of_a_key_is_noted) {
  verify(key);
  BOOST_TEST(wait_until([&] { return accounts.touches == 1; }));
  // Once a minute at most, however it was found.
  auth.find_fresh(key, net::authentication::clock::now());
  verify(key);
  pool.stop();
  BOOST_TEST(accounts.touches == 1);
}

BOOST_AUTO_TEST_CASE(unknown_and_away) {
  const auto unknown = verify({net::credential_kind::api_key, "x"});
  BOOST_TEST((unknown.ok() && !*unknown));
  accounts.away = true;
  const auto away = verify(key);
  BOOST_REQUIRE(!away.ok());
  BOOST_TEST((away.failure().code == core::error_code::unavailable));
}

BOOST_AUTO_TEST_CASE(invalidation_is_immediate) {
  const auto entry = *verify(key);
  const auto now = net::authentication::clock::now();
  BOOST_TEST(auth.usable(entry, now));
  accounts.remove("k");
  auth.invalidate_user(entry->actor.id);
  BOOST_TEST(!auth.usable(entry, now));
  BOOST_TEST(!auth.find_fresh(key, now));
  BOOST_TEST(!*verify(key));
}

BOOST_AUTO_TEST_CASE(a_revoked_key_is_noticed_by_the_refresh) {
  const auto entry = *verify(key);
  accounts.remove("k");
  const auto now = net::authentication::clock::now();
  auth.usable(entry, now + 600ms);
  BOOST_TEST(wait_until([&] { return !auth.usable(entry, now); }));
}

BOOST_AUTO_TEST_SUITE_END()
