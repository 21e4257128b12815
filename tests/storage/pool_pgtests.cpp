#include "storage/pool.hpp"

#include <poll.h>
#include <unistd.h>

#include <csignal>

#include "cluster_fixture.hpp"

using namespace samovar;
using namespace samovar::tests;

namespace {

struct connection_fixture {
  storage::connection c{cluster().db.owner_conninfo};
  connection_fixture() { c.exec("drop sequence if exists tries; create sequence tries"); }
  ~connection_fixture() { c.exec("drop sequence tries"); }

  /// A statement that PostgreSQL ends like a deadlock's victim as long as it was given fewer than
  /// `n` times. (A sequence is not rolled back.)
  std::string deadlocks_until(int n) {
    return "do $$ begin if nextval('tries') < " + std::to_string(n) +
           " then raise sqlstate '40P01'; end if; end $$";
  }
  int tries() { return c.exec("select last_value from tries")[0][0].as<int>(); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(pool, connection_fixture)

BOOST_AUTO_TEST_CASE(a_deadlocks_victim_is_given_again) {
  c.exec(deadlocks_until(3));
  BOOST_TEST(tries() == 3);
}

BOOST_AUTO_TEST_CASE(deadlocks_without_end_mean_unavailable_and_the_connection_lives) {
  BOOST_CHECK_THROW(c.exec(deadlocks_until(100)), core::store_unavailable);
  BOOST_TEST(tries() == 3);
  BOOST_TEST(!c.broken());
}

BOOST_AUTO_TEST_CASE(a_deadlock_in_a_transaction_of_several_statements_means_unavailable) {
  BOOST_CHECK_THROW(c.guarded([&] {
    pqxx::work t{c.raw()};
    t.exec("select 1");
    t.exec(deadlocks_until(100));
    t.commit();
  }),
                    core::store_unavailable);
  BOOST_TEST(tries() == 1);
  BOOST_TEST(!c.broken());
}

BOOST_AUTO_TEST_CASE(a_lock_that_is_not_given_in_time_means_unavailable) {
  storage::connection other{cluster().db.owner_conninfo};
  pqxx::work holds{other.raw()};
  holds.exec("lock table users in access exclusive mode");
  c.exec("set lock_timeout = '10ms'");
  BOOST_CHECK_THROW(c.exec("select count(*) from users"), core::store_unavailable);
  BOOST_TEST(!c.broken());
}

BOOST_AUTO_TEST_CASE(a_wrong_statement_is_the_callers_fault) {
  BOOST_CHECK_THROW(c.exec("select nonsense from tries"), pqxx::sql_error);
  BOOST_TEST(!c.broken());
}

// A connection that is lost between two statements stays lost: libpqxx would make it again by
// itself, without what was prepared on it and without its settings.
BOOST_AUTO_TEST_CASE(a_connection_lost_on_loan_is_unavailable_and_not_made_again) {
  storage::pool one{cluster().db.app_conninfo, 1, std::chrono::milliseconds(1000)};
  static constexpr storage::statement statement{"pool_test_one", "select 1"};
  auto c = one.take();
  c->prepare(statement);
  const auto pid = c->exec("select pg_backend_pid()")[0][0].as<std::string>();
  pqxx::connection super{cluster().db.embedded->superuser_conninfo()};
  pqxx::nontransaction{super}.exec("select pg_terminate_backend(" + pid + ", 5000)");
  for (int i = 0; i < 3; ++i)
    BOOST_CHECK_THROW(c->exec("execute pool_test_one"), core::store_unavailable);
}

BOOST_AUTO_TEST_SUITE_END()

// PostgreSQL warns everybody ("another server process has crashed") and hangs up. When the warning
// is still unread as a statement is written, libpq reports the failed write in words of its own,
// without SQLSTATE, and calls the connection open.
BOOST_AUTO_TEST_CASE(a_connection_lost_with_a_warning_unread_is_unavailable) {
  const auto conninfo = cluster().db.app_conninfo;
  storage::connection lost{conninfo}, killed{conninfo};
  BOOST_CHECK_THROW(lost.guarded([&] {
    pqxx::nontransaction t{lost.raw()};
    t.exec("select 1");
    BOOST_REQUIRE(::kill(killed.raw().backendpid(), SIGKILL) == 0);
    pollfd p{lost.raw().sock(), POLLIN, 0};
    while (::poll(&p, 1, 10'000) > 0 && (p.revents & POLLHUP) == 0) ::usleep(1000);
    BOOST_REQUIRE((p.revents & POLLHUP) != 0);
    return t.exec("select 1");
  }),
                    core::store_unavailable);
  BOOST_TEST(lost.broken());
  storage::pool back{conninfo, 1, std::chrono::milliseconds(1000)};
  for (int i = 0; i < 1000 && !back.answers(); ++i) ::usleep(20'000);
  BOOST_TEST(back.answers());
}
