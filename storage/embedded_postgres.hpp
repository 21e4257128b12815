// The embedded PostgreSQL cluster: made on first start, supervised, stopped with the server.
//
//   stopped --start--> starting --ready--> serving --dies--> starting (supervised)
//                                             └--stop()----> stopped
//
// All processes are forked by one thread that lives as long as the object, because the death signal
// a child asks for fires when the forking thread ends. When this process is killed the cluster gets
// SIGINT (fast shutdown); if it survives all the same, the next start adopts it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

#include "storage/cluster_paths.hpp"

namespace samovar::storage {

class embedded_postgres {
 public:
  /// Takes `<data>/lock`, starts (or adopts) the cluster and returns when it accepts connections
  /// and has database and roles. Throws cluster_error; "in use" when another server has the lock.
  explicit embedded_postgres(const std::filesystem::path& data_dir);
  ~embedded_postgres();
  embedded_postgres(const embedded_postgres&) = delete;
  embedded_postgres& operator=(const embedded_postgres&) = delete;

  const cluster_paths& paths() const { return paths_; }
  std::string app_conninfo() const { return conninfo_for(paths_, "samovar_app"); }
  std::string owner_conninfo() const { return conninfo_for(paths_, "samovar_owner"); }
  std::string superuser_conninfo() const { return conninfo_for(paths_, "postgres"); }
  /// The server process, 0 while there is none.
  pid_t postmaster() const { return postmaster_.load(); }
  /// How often the cluster was started again after it had died.
  int restarts() const { return restarts_.load(); }

  /// True when a server holds the data folder's lock: then use conninfo_for(locate_cluster(…)).
  static bool in_use(const std::filesystem::path& data_dir);

  /// Fast shutdown; idempotent.
  void stop();

 private:
  void supervise();
  void start_cluster();
  void init_cluster();
  bool hurry_the_stopping();
  bool try_adopt();
  bool launch();
  bool wait_ready(bool child);
  void prepare_database();
  bool alive();
  void shut_down();
  bool pause(int ms);

  cluster_paths paths_;
  int lock_ = -1;
  std::atomic<pid_t> postmaster_{0};
  bool child_ = false;  ///< postmaster_ is our child (else adopted); supervisor thread only
  std::atomic<int> restarts_{0};

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool started_ = false;
  std::string failure_;
  std::thread supervisor_;
};

}  // namespace samovar::storage
