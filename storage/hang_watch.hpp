// Tells a database that hangs from one that is slow, and ends the waiting for the former.
//
// PostgreSQL may stop answering without closing a connection: its processes are stopped, its disk
// or the network between is gone. libpq then waits for ever. So a thread looks at the statements
// that are out: when one has been for long, the database is asked for a sign of life. While it
// gives one, whatever takes its time may take it. When it gives none, every connection that waits
// is cut (its call fails as after any lost connection), and until there is a sign again nobody
// begins to wait. A statement that has a time limit at the server and outlasts it is cut even
// so: then it is that one backend which hangs.
//
// What a cut connection had sent may still lie before its backend. The backend is ended before
// anybody is let in again, so that nothing is done after later work that was acknowledged. Only
// backends of the role that asks, the application's, are ended: of a migration, which the owner
// runs, the connection is cut and no more.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

namespace samovar::storage {

class hang_watch {
 public:
  /// `conninfo`: whom to ask, and as whom; only this role's backends can be ended. Silence for
  /// `answer_max` (>= 2 s, libpq's shortest) is a hang.
  hang_watch(std::string conninfo, std::chrono::seconds answer_max);
  ~hang_watch();
  hang_watch(const hang_watch&) = delete;
  hang_watch& operator=(const hang_watch&) = delete;

  /// Throws core::store_unavailable while the database hangs.
  void check() const;
  bool hangs() const { return hangs_; }
  std::chrono::seconds answer_max() const { return answer_max_; }

  /// One connection's place among the watched. Calls come from the thread that has the connection.
  class seat {
   public:
    explicit seat(std::shared_ptr<hang_watch> owner);
    ~seat();
    seat(const seat&) = delete;
    seat& operator=(const seat&) = delete;

    /// There is something to cut. False when this process has no descriptor left.
    bool connected(int socket, int backend);
    /// From now on an answer is awaited, for at most `limit` (0: for as long as there are signs of
    /// life). Throws as check() does.
    void begin(std::chrono::seconds limit);
    /// True when it was cut: the connection is of no use any more.
    bool end();

   private:
    friend class hang_watch;
    static constexpr std::int64_t idle = 0;
    static constexpr std::int64_t cut = -1;

    bool is_late(std::int64_t since, std::int64_t now) const;

    const std::shared_ptr<hang_watch> owner_;
    /// Steady clock's count, idle or cut. Another for each wait: whoever sets it to `cut` by
    /// comparing has cut the wait that it looked at.
    std::atomic<std::int64_t> since_{idle};
    std::atomic<std::int64_t> limit_{0};
    int socket_ = -1;  ///< a duplicate: libpq may close its own when it likes
    int backend_ = 0;
  };

 private:
  using clock = std::chrono::steady_clock;

  void run(const std::stop_token& stop);
  bool pause(const std::stop_token& stop);
  void cut_the_late();
  void sit_out(const std::stop_token& stop);
  bool gives_a_sign(std::chrono::seconds wait_max) const;
  bool gives_a_sign_in_time(const std::stop_token& stop);
  bool anybody_waits(clock::duration for_so_long);
  bool anybody_is_late();
  std::size_t claim(bool late_only);
  void shut_the_claimed();
  bool end_backends(bool wait) const;

  const std::string conninfo_;
  const std::chrono::seconds answer_max_;
  std::atomic<bool> hangs_{false};
  std::mutex mutex_;  ///< guards the seats: theirs is what is cut
  std::condition_variable_any wake_;
  std::unordered_set<seat*> seats_;
  std::vector<int> unended_;  ///< backends of cut connections; the thread's own
  std::jthread thread_;
};

/// The conninfo with an end to waiting for a connection, and for a network that swallows what is
/// sent; what it says of these itself stays. Throws core::store_unavailable when libpq can't read
/// it.
std::string with_timeouts(const std::string& conninfo, std::chrono::seconds answer_max);

}  // namespace samovar::storage
