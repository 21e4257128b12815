// A database that hangs: some or all of its processes stand still, and no connection closes.
#include <signal.h>

#include <fstream>
#include <future>
#include <set>

#include "cluster_fixture.hpp"
#include "storage/account_watch.hpp"
#include "storage/hang_watch.hpp"

using namespace samovar;
using namespace samovar::tests;
using namespace std::chrono_literals;

namespace {

/// Nobody shall wait for longer, whatever happens. The tests measure nothing finer.
constexpr auto bound = 60s;

std::vector<pid_t> all_processes_of(pid_t postmaster) {
  std::vector<pid_t> found{postmaster};
  const auto pid = std::to_string(postmaster);
  std::ifstream children("/proc/" + pid + "/task/" + pid + "/children");
  for (pid_t child = 0; children >> child;) found.push_back(child);
  return found;
}

/// True when `signal` waits to be taken by the process.
bool has_signal(pid_t pid, int signal) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  std::uint64_t waiting = 0;
  for (std::string word; status >> word;)
    if (word == "SigPnd:" || word == "ShdPnd:") {
      status >> word;
      waiting |= std::stoull(word, nullptr, 16);
    }
  return (waiting >> (signal - 1) & 1) != 0;
}

class frozen {
 public:
  explicit frozen(std::vector<pid_t> pids) : pids_(std::move(pids)) {
    for (const auto pid : pids_) BOOST_REQUIRE(::kill(pid, SIGSTOP) == 0);
  }
  ~frozen() { thaw(); }
  frozen(const frozen&) = delete;
  frozen& operator=(const frozen&) = delete;
  void thaw() {
    for (const auto pid : pids_) ::kill(pid, SIGCONT);
    pids_.clear();
  }

 private:
  std::vector<pid_t> pids_;
};

struct hang_fixture {
  const std::string conninfo = cluster().db.app_conninfo;
  std::shared_ptr<storage::hang_watch> watch = std::make_shared<storage::hang_watch>(conninfo, 2s);
  storage::pool pool{conninfo, 4, 1000ms, watch, 2s};
  storage::connection owner{cluster().db.owner_conninfo};

  hang_fixture() {
    owner.exec(
        "drop table if exists hung; create table hung (said text); insert into hung values ('');"
        "grant select, update on hung to samovar_app");
  }
  ~hang_fixture() { owner.exec("drop table hung"); }

  static frozen freeze_all() {
    return frozen(all_processes_of(cluster().db.embedded->postmaster()));
  }
  std::string said() { return owner.exec("select said from hung")[0][0].c_str(); }
  bool back() {
    const auto until = std::chrono::steady_clock::now() + bound;
    while (std::chrono::steady_clock::now() < until) {
      if (pool.answers()) return true;
      std::this_thread::sleep_for(20ms);
    }
    return false;
  }
  /// True when `f` ended with store_unavailable within the bound. Where it doesn't end at all, the
  /// database is let go on, so that the test fails instead of hanging itself.
  template <class F>
  static bool is_unavailable_in_time(frozen& those, F f) {
    auto refused = std::async(std::launch::async, [&] {
      try {
        f();
        return false;
      } catch (const core::store_unavailable&) {
        return true;
      }
    });
    const bool ended = refused.wait_for(bound) == std::future_status::ready;
    if (!ended) those.thaw();
    return refused.get() && ended;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(hang, hang_fixture)

BOOST_AUTO_TEST_CASE(a_frozen_database_ends_the_waiting_and_goes_on_afterwards) {
  auto held = pool.take();
  held->exec("select 1");
  auto those = freeze_all();
  BOOST_TEST(is_unavailable_in_time(those, [&] { held->exec("select 1"); }));
  BOOST_TEST(held->broken());
  // Now that it is known, nobody begins to wait: neither with a new connection nor for one.
  BOOST_CHECK_THROW(watch->check(), core::store_unavailable);
  BOOST_CHECK_THROW(pool.take(), core::store_unavailable);
  BOOST_CHECK_THROW(storage::connection(conninfo, watch), core::store_unavailable);
  BOOST_TEST(!pool.answers());
  those.thaw();
  BOOST_TEST(back());
}

BOOST_AUTO_TEST_CASE(connecting_to_a_frozen_database_ends) {
  auto those = freeze_all();
  BOOST_TEST(is_unavailable_in_time(
      those, [&] { storage::connection(storage::with_timeouts(conninfo, 2s), watch); }));
  those.thaw();
  BOOST_TEST(back());
}

BOOST_AUTO_TEST_CASE(a_statement_given_up_is_not_done_after_later_ones) {
  auto held = pool.take();
  held->exec("select 1");
  auto those = freeze_all();
  BOOST_TEST(is_unavailable_in_time(those, [&] { held->exec("update hung set said = 'late'"); }));
  those.thaw();
  BOOST_REQUIRE(back());
  pool.take()->exec("update hung set said = 'later'");
  const auto given_up = std::to_string(held->raw().backendpid());
  BOOST_TEST(
      owner.exec("select count(*) from pg_stat_activity where pid = " + given_up)[0][0].as<int>() ==
      0);
  BOOST_TEST(said() == "later");
}

BOOST_AUTO_TEST_CASE(one_frozen_backend_costs_its_connection_only) {
  auto held = pool.take();
  held->exec("select 1");
  const auto pid = static_cast<pid_t>(held->raw().backendpid());
  frozen that{{pid}};
  BOOST_TEST(is_unavailable_in_time(that, [&] { held->exec("update hung set said = 'late'"); }));
  BOOST_TEST(held->broken());
  BOOST_CHECK_NO_THROW(watch->check());
  pool.take()->exec("update hung set said = 'later'");
  that.thaw();
  // It ends rather than do what it was told before.
  for (int i = 0; i < 3000 && ::kill(pid, 0) == 0; ++i) std::this_thread::sleep_for(20ms);
  BOOST_TEST(::kill(pid, 0) != 0);
  BOOST_TEST(said() == "later");
}

BOOST_AUTO_TEST_CASE(what_takes_its_time_is_not_cut) {
  storage::connection slow{conninfo, watch, 60s};
  BOOST_CHECK_NO_THROW(slow.exec("select pg_sleep(5)"));  // signs of life are asked for every 2 s
  static constexpr storage::statement sleeps{"hang_sleep", "select pg_sleep($1::integer)"};
  BOOST_CHECK_NO_THROW(pool.take()->run_long(sleeps, 5));
  auto c = pool.take();
  BOOST_CHECK_NO_THROW(c->without_limit([&] {
    pqxx::work t{c->raw()};
    for (int i = 0; i < 4; ++i) t.exec("select pg_sleep(1.3)");
    t.commit();
    return 0;
  }));
  BOOST_TEST(!c->broken());
  // The time limit holds again.
  BOOST_CHECK_THROW(c->exec("select pg_sleep(5)"), core::store_unavailable);
  BOOST_TEST(!c->broken());
}

// While PostgreSQL starts again, a name can't be resolved or this process has no descriptor left,
// "no" comes at once. It is silence only when it lasts.
BOOST_AUTO_TEST_CASE(a_refusal_at_once_is_no_silence) {
  const auto nobody = std::make_shared<storage::hang_watch>(conninfo + " host=/nonexistent", 60s);
  storage::connection slow{conninfo, nobody, 60s};
  BOOST_CHECK_NO_THROW(slow.exec("select pg_sleep(5)"));
  BOOST_CHECK_NO_THROW(nobody->check());
  BOOST_TEST(!slow.broken());
}

BOOST_AUTO_TEST_CASE(refusals_that_last_are_silence) {
  const auto nobody = std::make_shared<storage::hang_watch>(conninfo + " host=/nonexistent", 2s);
  storage::connection slow{conninfo, nobody, 60s};
  auto none = frozen{{}};
  BOOST_TEST(is_unavailable_in_time(none, [&] { slow.exec("select pg_sleep(30)"); }));
  BOOST_CHECK_THROW(nobody->check(), core::store_unavailable);
}

// Its database can't be connected to at first: that is a sign of life, but ends no backend.
BOOST_AUTO_TEST_CASE(a_frozen_backend_that_cannot_be_ended_yet_is_ended_later) {
  pqxx::connection super{cluster().db.embedded->superuser_conninfo()};
  const auto create = [&](const char* sql) { pqxx::nontransaction{super}.exec(sql); };
  pid_t pid = 0;
  {
    const auto elsewhere =
        std::make_shared<storage::hang_watch>(conninfo + " dbname=hang_later", 2s);
    storage::connection held{conninfo, elsewhere, 2s};
    pid = static_cast<pid_t>(held.raw().backendpid());
    frozen that{{pid}};
    BOOST_TEST(is_unavailable_in_time(that, [&] { held.exec("update hung set said = 'late'"); }));
    BOOST_TEST(!has_signal(pid, SIGTERM));
    create("create database hang_later");
    for (int i = 0; i < 3000 && !has_signal(pid, SIGTERM); ++i) std::this_thread::sleep_for(20ms);
    BOOST_TEST(has_signal(pid, SIGTERM));
  }
  for (int i = 0; i < 3000 && ::kill(pid, 0) == 0; ++i) std::this_thread::sleep_for(20ms);
  BOOST_TEST(said().empty());
  create("drop database hang_later with (force)");
}

BOOST_AUTO_TEST_CASE(a_frozen_run_of_unlimited_length_is_given_up_too) {
  auto held = pool.take();
  held->exec("select 1");
  auto those = freeze_all();
  BOOST_TEST(is_unavailable_in_time(those, [&] {
    held->without_limit([&] { return pqxx::nontransaction{held->raw()}.exec("select 1"); });
  }));
  those.thaw();
  BOOST_TEST(back());
}

BOOST_AUTO_TEST_CASE(commands_of_a_frozen_commit_are_given_again_and_done_once) {
  const auto user = make_user();
  std::vector<core::image_id> images;
  for (int i = 0; i < 3; ++i) images.push_back(add_image(user).id);
  add_box(user, images[0]);
  storage::postgres_job_log log{conninfo, watch};
  log.begin_epoch();
  auto job = job_for(user, images);
  job.force_all = true;
  BOOST_REQUIRE(commit_one(log, job).ok());
  BOOST_REQUIRE(commit_one(log, core::start_job{user, job.id, next_time()}).ok());
  auto another = job_for(user, {images[0]});
  another.force_all = true;
  std::vector<core::write_command> commands{another};
  for (const auto image : images)
    commands.emplace_back(core::record_result{user, job.id, result_for(user, job.id, image)});

  auto those = freeze_all();
  BOOST_TEST(is_unavailable_in_time(those, [&] { log.commit(commands); }));
  those.thaw();
  BOOST_REQUIRE(back());
  for (const auto& outcome : log.commit(commands)) {
    BOOST_REQUIRE(outcome.ok());
    BOOST_TEST(!outcome->duplicate);
  }
  storage::job_repository jobs{*cluster().db.connections};
  const auto found = jobs.find_job(user, job.id);
  BOOST_REQUIRE(found.has_value());
  BOOST_TEST((found->status == core::job_status::completed));
  BOOST_TEST(found->current_index == 3);
  storage::result_repository results{*cluster().db.connections};
  BOOST_TEST(results.list_results(user, std::nullopt, {}).items.size() == 3u);
  BOOST_TEST(jobs.list_jobs(user, std::nullopt, {}).items.size() == 2u);
}

// Its one connection is replaced; what it was told is done once, also when it wakes.
BOOST_AUTO_TEST_CASE(a_frozen_backend_of_the_writing_side_is_replaced) {
  const auto user = make_user();
  const auto image = add_image(user).id;
  const auto ours = [&] {
    std::set<pid_t> pids;
    for (const auto& row :
         owner.exec("select pid from pg_stat_activity where usename = 'samovar_app'"))
      pids.insert(row[0].as<int>());
    return pids;
  };
  const auto others = ours();
  storage::postgres_job_log log{conninfo, watch, 2s};
  log.begin_epoch();
  auto job = job_for(user, {image});
  job.force_all = true;
  BOOST_REQUIRE(commit_one(log, job).ok());
  std::vector<pid_t> its;
  for (const auto pid : ours())
    if (!others.contains(pid)) its.push_back(pid);
  BOOST_REQUIRE(!its.empty());

  const core::write_command paused = core::set_queue_paused{user, true};
  const core::write_command resumed = core::set_queue_paused{user, false};
  const core::write_command start = core::start_job{user, job.id, next_time()};
  frozen those{its};
  BOOST_TEST(is_unavailable_in_time(those, [&] { log.commit({&paused, 1}); }));
  for (const auto& command : {paused, start, resumed}) BOOST_TEST(commit_one(log, command).ok());
  those.thaw();
  const auto lives = [](pid_t pid) { return ::kill(pid, 0) == 0; };
  for (int i = 0; i < 3000 && std::all_of(its.begin(), its.end(), lives); ++i)
    std::this_thread::sleep_for(20ms);
  const auto again = commit_one(log, start);
  BOOST_REQUIRE(again.ok());
  BOOST_TEST((again->record.status == core::job_status::running));
  BOOST_TEST(again->record.version == 2);
  BOOST_TEST(!log.take_open_jobs(user).at(0).queue_paused);
}

/// Hears of accounts; counts what it is told.
struct listener {
  std::atomic<int> told{0}, everything{0};
  storage::account_watch accounts;
  listener(const std::string& conninfo, std::shared_ptr<storage::hang_watch> watch)
      : accounts(
            conninfo,
            [this](const core::account_change& c) {
              ++told;
              if (c.what == core::account_change::kind::everything) ++everything;
            },
            std::move(watch), 1s) {}
  /// Says something until it is heard.
  bool listens(storage::connection& c) {
    for (int i = 0; i < 600 && told == 0; ++i) {
      c.exec("notify samovar_accounts, 'key " + core::to_string(fresh_uuid()) + "'");
      std::this_thread::sleep_for(50ms);
    }
    return told > 0;
  }
};

BOOST_AUTO_TEST_CASE(whoever_listens_on_a_frozen_database_can_be_stopped) {
  auto l = std::make_unique<listener>(conninfo, watch);
  BOOST_REQUIRE(l->listens(owner));
  auto those = freeze_all();
  auto stopped = std::async(std::launch::async, [&] { l.reset(); });
  const bool in_time = stopped.wait_for(bound) == std::future_status::ready;
  those.thaw();
  BOOST_TEST(in_time);
  stopped.get();
  BOOST_TEST(back());
}

BOOST_AUTO_TEST_CASE(a_frozen_backend_of_whoever_listens_is_noticed) {
  listener l{conninfo, watch};
  BOOST_REQUIRE(l.listens(owner));
  pqxx::connection super{cluster().db.embedded->superuser_conninfo()};
  const auto rows = pqxx::nontransaction{super}.exec(
      "select pid from pg_stat_activity where usename = 'samovar_app' "
      "order by backend_start desc limit 1");
  BOOST_REQUIRE(rows.size() == 1);
  frozen that{{rows[0][0].as<pid_t>()}};
  const auto until = std::chrono::steady_clock::now() + bound;
  while (l.everything == 0 && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(20ms);
  BOOST_TEST(l.everything > 0);
}

BOOST_AUTO_TEST_CASE(a_conninfo_gets_an_end_to_its_waiting) {
  const auto made = storage::with_timeouts("postgresql://u:p%27w@h1,h2/d?connect_timeout=3", 8s);
  BOOST_TEST(made.find("connect_timeout='3'") != std::string::npos);
  BOOST_TEST(made.find("tcp_user_timeout='16000'") != std::string::npos);
  BOOST_TEST(made.find("password='p\\'w'") != std::string::npos);
  BOOST_TEST(made.find("host='h1,h2'") != std::string::npos);
  BOOST_CHECK_THROW(storage::with_timeouts("nonsense=1", 8s), core::store_unavailable);
}

BOOST_AUTO_TEST_SUITE_END()
