#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "cluster_fixture.hpp"
#include "storage/child_process.hpp"

using namespace samovar;
using namespace samovar::tests;

namespace {

struct own_cluster {
  temporary_folder folder;
  storage::database_options options;
  own_cluster() { options.data_dir = folder.path; }

  /// Waits until the pool answers again; false when it never does.
  static bool recovers(storage::pool& pool) {
    for (int i = 0; i < 600; ++i) {
      if (pool.answers()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }
};

/// A cluster started without a death signal: it stands for one that outlived a killed server, whose
/// connection is `connection`.
struct survivor {
  pid_t pid = 0;
  std::unique_ptr<storage::connection> connection;

  explicit survivor(const storage::database_options& options) {
    const auto paths = storage::open_database(options).embedded->paths();
    storage::child_options o;
    o.argv = {(paths.programs / "postgres").string(),
              "-D",
              paths.cluster.string(),
              "-c",
              "listen_addresses=",
              "-c",
              "unix_socket_directories=" + paths.socket_folder.string()};
    o.run_as = paths.run_as;
    o.log = paths.log;
    pid = storage::start_child(o);
    for (int i = 0; i < 200 && !connection; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      try {
        connection = std::make_unique<storage::connection>(
            storage::conninfo_for(paths, "postgres", "postgres"));
      } catch (const core::store_unavailable&) {
        continue;  // not ready yet
      }
    }
    BOOST_REQUIRE(connection);
    // Reaped when it ends, so that it does not stay as a zombie of this process.
    reaper_ = std::jthread{[this] { ended_ = storage::wait_child(pid) >= 0; }};
  }
  ~survivor() {
    if (!ended_) ::kill(pid, SIGKILL);  // only when a test has failed: it ends with its new owner
  }

 private:
  std::atomic<bool> ended_ = false;
  std::jthread reaper_;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(embedded_postgres, own_cluster)

BOOST_AUTO_TEST_CASE(starts_twice_keeps_its_data_and_locks_out_a_second_server) {
  {
    auto db = storage::open_database(options);
    BOOST_TEST(storage::embedded_postgres::in_use(folder.path));
    BOOST_CHECK_THROW(storage::open_database(options), storage::cluster_error);
    storage::account_repository accounts{*db.connections};
    core::new_user u;
    u.id = fresh<core::user_id>();
    u.email = "first@example.org";
    BOOST_TEST(accounts.create_first_admin(u).ok());
    const auto socket = db.embedded->paths().socket_folder;
    BOOST_TEST((fs::status(socket).permissions() == fs::perms::owner_all));
    BOOST_TEST(db.connections->take()->exec("show listen_addresses")[0][0].c_str() ==
               std::string{});
    BOOST_TEST(db.connections->take()->exec("show fsync")[0][0].c_str() == std::string{"on"});
  }
  BOOST_TEST(!storage::embedded_postgres::in_use(folder.path));
  auto db = storage::open_database(options);
  BOOST_TEST(storage::account_repository{*db.connections}.count_users() == 1);
}

BOOST_AUTO_TEST_CASE(comes_back_after_kill_9_while_serving) {
  auto db = storage::open_database(options);
  storage::account_repository accounts{*db.connections};
  BOOST_TEST(accounts.count_users() == 0);
  for (int round = 1; round <= 2; ++round) {
    const auto victim = db.embedded->postmaster();
    BOOST_REQUIRE(::kill(victim, SIGKILL) == 0);
    while (db.embedded->restarts() < round)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    BOOST_REQUIRE(recovers(*db.connections));
    BOOST_TEST(db.embedded->postmaster() != victim);
    BOOST_TEST(accounts.count_users() == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_stale_pid_file_of_a_foreign_process_does_not_block) {
  fs::path cluster_folder;
  {
    auto db = storage::open_database(options);
    cluster_folder = db.embedded->paths().cluster;
  }
  {
    std::ofstream pid{cluster_folder / "postmaster.pid"};
    pid << ::getpid() << "\n" << cluster_folder.string() << "\n1\n5432\n\n\n0 0\nready\n";
  }
  auto db = storage::open_database(options);
  BOOST_TEST(db.connections->answers());
}

BOOST_AUTO_TEST_CASE(a_surviving_cluster_is_adopted_and_its_old_connections_end) {
  const survivor old(options);
  {
    auto db = storage::open_database(options);
    BOOST_TEST(db.embedded->postmaster() == old.pid);
    BOOST_CHECK_THROW(old.connection->exec("select 1"), core::store_unavailable);
    BOOST_TEST(db.connections->answers());
  }
}

// PostgreSQL 15 does so by itself when a fast shutdown comes while it restarts after a backend's
// crash: it waits for its checkpointer, which nobody has told to end.
BOOST_AUTO_TEST_CASE(a_cluster_that_never_finishes_stopping_is_made_to) {
  const survivor old(options);
  const auto checkpointer =
      old.connection->exec("select pid from pg_stat_activity where backend_type = 'checkpointer'")
          .at(0)
          .at(0)
          .as<pid_t>();
  BOOST_REQUIRE(::kill(checkpointer, SIGSTOP) == 0);
  BOOST_REQUIRE(::kill(old.pid, SIGINT) == 0);
  auto db = storage::open_database(options);
  BOOST_TEST(db.embedded->postmaster() != old.pid);
  BOOST_TEST(db.connections->answers());
}

BOOST_AUTO_TEST_CASE(a_deep_data_folder_gets_a_short_socket_folder) {
  options.data_dir = folder.path / std::string(60, 'd') / std::string(60, 'e');
  fs::create_directories(options.data_dir);
  auto db = storage::open_database(options);
  const auto socket = db.embedded->paths().socket_folder;
  BOOST_TEST(socket.string().size() + 14 <= 107u);
  BOOST_TEST(db.connections->answers());
  db.connections.reset();
  db.embedded->stop();
  fs::remove_all(socket);
}

BOOST_AUTO_TEST_CASE(a_private_parent_folder_is_worked_around_as_root) {
  if (::geteuid() != 0) {
    BOOST_TEST_MESSAGE("only root needs the fallback: another user's cluster is its own");
    BOOST_TEST(!storage::locate_cluster(folder.path).run_as.has_value());
    return;
  }
  fs::create_directories(folder.path);
  fs::permissions(folder.path, fs::perms::owner_all);
  options.data_dir = folder.path / "data";
  fs::path elsewhere;
  for (int start = 0; start < 2; ++start) {
    auto db = storage::open_database(options);
    BOOST_TEST(db.connections->answers());
    elsewhere = db.embedded->paths().cluster;
    BOOST_TEST(elsewhere.string().starts_with("/var/lib/samovar/"));
    BOOST_TEST(fs::exists(options.data_dir / "pg.location"));
  }
  fs::remove_all(elsewhere.parent_path());
}

BOOST_AUTO_TEST_SUITE_END()
