// A whole Samovar in one thread: the real session registry, sessions, supervisor and persistence on
// CAF's test scheduler, with played devices, users, sockets, clock and database. Every choice
// (which actor runs next, what fails, what arrives late or twice) comes from one seed, so that a
// failure is repeated by its number.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <deque>
#include <random>
#include <stdexcept>

#include "actors/gpu_supervisor.hpp"
#include "actors/persistence.hpp"
#include "actors/session_registry.hpp"
#include "actors/user_session.hpp"
#include "tests/sim/store.hpp"

namespace samovar::sim {

/// An invariant of docs/decisions or scheduling does not hold; the sentence says which and where.
struct violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct shape {
  int users = 3;
  int devices = 2;
  int slots = 2;
  bool faults = true;
};

struct totals {
  std::uint64_t steps = 0;
  std::uint64_t jobs = 0, units = 0, events = 0, clicks = 0;
  std::uint64_t restarts = 0, session_deaths = 0, revocations = 0, twice = 0;
  std::uint64_t commits_in_doubt = 0, old_servers = 0, clock_jumps = 0, quiet = 0;
  void add(const totals& other);
};

class world;

/// A socket's end: checks order and that nothing is announced that is not stored.
class observer : public actors::event_sink {
 public:
  observer(world& w, core::user_id user) : world_(w), user_(user) {}
  void hello(std::int64_t seq, const std::vector<actors::pinned_job_ptr>& jobs) override;
  void deliver(const core::event_ptr& e) override;
  void resync(std::int64_t seq) override;
  void closed() override { open = false; }
  bool open = true;
  bool cut = false;  ///< the server it belonged to is dead: what it still says reaches nobody

 private:
  void see(std::int64_t seq);
  world& world_;
  core::user_id user_;
  std::int64_t last_ = -1;
};

class world {
 public:
  world(std::uint64_t seed, shape s);
  ~world();
  world(const world&) = delete;
  world& operator=(const world&) = delete;

  /// One move: an actor handles one message, or something happens in the world outside.
  void step();
  /// Faults stop, devices answer, time passes until nothing moves any more; then the books must
  /// balance. Throws `violation`.
  void settle();
  const totals& seen() const { return seen_; }

 private:
  friend class observer;
  struct unit_at_device {
    std::int64_t token;
    actors::unit_request_ptr request;
    actors::unit_receiver session;
  };
  struct device {
    actors::gpu_supervisor_actor supervisor;
    std::deque<unit_at_device> queue;
    bool hangs = false;
  };
  /// Everything that dies with a server process.
  struct server {
    std::shared_ptr<actors::context> shared;
    std::unique_ptr<connection> log;
    actors::persistence_actor writer;
    actors::gpu_supervisor_actor supervisor;
    actors::session_registry_actor registry;
    std::shared_ptr<std::vector<device>> devices;
    std::vector<std::shared_ptr<observer>> sockets;
  };

  std::uint64_t below(std::uint64_t n) { return dice_() % n; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  core::user_id any_user();
  std::optional<core::job_id> any_job_of(core::user_id user);

  void start_server();
  void kill_server();
  void end_actors(server& s);
  bool run_one_actor();
  void something_happens();
  void submit();
  void cancel();
  void change_priority();
  void pause(core::user_id user, bool paused);
  void click();
  void subscribe();
  void unsubscribe();
  void delete_image();
  void kill_session();
  void device_moves(bool faults);
  void answer_unit(std::size_t index, const unit_at_device& u, bool faults);
  void pass_time();
  void ask(core::user_id user, actors::session_ask a);

  void check_always();
  void check_quiet();
  void check_books();
  std::string where_clicks_are();
  [[noreturn]] void fail(const std::string& what) const;

  std::uint64_t seed_;
  shape shape_;
  std::mt19937_64 dice_;
  store store_;
  struct config_t : caf::actor_system_config {};
  config_t config_;
  std::unique_ptr<caf::actor_system> system_;
  caf::scheduler::test_coordinator* scheduler_ = nullptr;
  server server_;
  std::vector<server> dying_;  ///< cut off, but still running for a while
  std::map<core::user_id, std::int64_t> newest_seq_;
  std::map<core::job_id, core::create_job> acknowledged_;
  std::map<core::user_id, std::vector<core::job_id>> jobs_of_;
  std::set<core::job_id> cancel_acknowledged_;
  std::map<core::job_id, std::int64_t> missing_since_ms_;  ///< open, and in no queue
  std::set<std::int64_t> tokens_;
  std::int64_t clicks_open_ = 0;
  std::int64_t asks_open_ = 0;
  std::int64_t wall_us_ = 1'000'000'000;  ///< may jump back
  std::int64_t steady_ms_ = 0;
  int next_id_ = 1;
  bool calm_ = false;
  totals seen_;
};

}  // namespace samovar::sim
