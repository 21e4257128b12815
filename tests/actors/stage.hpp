// The real session and persistence actors on CAF's test scheduler, with a device and a supervisor
// that the test plays itself: every interleaving is deterministic.
#pragma once

#include <boost/test/unit_test.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "actors/persistence.hpp"
#include "actors/session_registry.hpp"
#include "actors/user_session.hpp"
#include "tests/actors/fakes.hpp"

namespace samovar::testing {

using namespace samovar::actors;

// What the played supervisor and worker have seen.
struct played {
  std::int64_t demand = 0;  ///< of batch units
  std::int64_t clicks = 0;
  std::optional<std::size_t> near;
  std::vector<std::int64_t> unused;
  std::vector<std::pair<std::int64_t, unit_request_ptr>> units;
  lease_receiver session;
  unit_receiver answer_to;
};

inline gpu_supervisor_actor::behavior_type play_supervisor(gpu_supervisor_actor::pointer,
                                                           played* p) {
  return {[=](demand_atom, const session_demand& d, const lease_receiver& s) {
            p->demand = std::max<std::int64_t>(p->demand + d.batch_delta, 0);
            p->clicks = std::max<std::int64_t>(p->clicks + d.click_delta, 0);
            p->near = d.near;
            p->session = s;
          },
          [=](unused_atom, std::int64_t token) { p->unused.push_back(token); },
          [](ran_atom, std::size_t, std::int64_t, double) {},
          [](loaded_atom, std::size_t, const std::string&, const std::string&) {},
          [](expire_atom) {},
          [](drain_atom) {},
          [](drain_atom, const std::string&, bool, const reply<device_state>&) {},
          [](inspect_atom, const reply<supervisor_state>&) {}};
}

inline device_worker_actor::behavior_type play_worker(device_worker_actor::pointer, played* p) {
  return {
      [](load_atom) {},
      [=](run_atom, const core::lease& lease, const unit_request_ptr& u, const unit_receiver& s) {
        p->units.emplace_back(lease.token, u);
        p->answer_to = s;
      },
      [](revoke_atom, std::int64_t) {}, [](next_atom) {}};
}

struct recording_sink : event_sink {
  std::vector<core::event_ptr> events;
  std::int64_t hello_seq = -1;
  std::size_t hello_jobs = 0;
  int resyncs = 0;
  bool was_closed = false;
  void hello(std::int64_t seq, const std::vector<pinned_job_ptr>& jobs) override {
    hello_seq = seq;
    hello_jobs = jobs.size();
  }
  void deliver(const core::event_ptr& e) override { events.push_back(e); }
  void resync(std::int64_t) override { ++resyncs; }
  void closed() override { was_closed = true; }
  std::vector<std::string> types() const {
    std::vector<std::string> out;
    for (const auto& e : events) out.emplace_back(core::to_string(e->type));
    return out;
  }
};

struct stage {
  stage() : config(make_config()), system(config) {
    shared = std::make_shared<context>(log.begin_epoch());
    writer = system.spawn(persistence, &log, shared);
    supervisor = system.spawn(play_supervisor, &seen);
    worker = system.spawn(play_worker, &seen);
    registry =
        system.spawn(session_registry, writer, supervisor, std::chrono::seconds(300), shared);
    run();
  }
  ~stage() {
    seen.session = nullptr;
    seen.answer_to = nullptr;
    caf::anon_send_exit(registry, caf::exit_reason::user_shutdown);
    run();
    for (const auto& a :
         {caf::actor_cast<caf::actor>(writer), caf::actor_cast<caf::actor>(supervisor),
          caf::actor_cast<caf::actor>(worker)})
      caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
    registry = nullptr;
    writer = nullptr;
    supervisor = nullptr;
    worker = nullptr;
    run();
  }
  struct config_t : caf::actor_system_config {};
  static config_t& make_config() {
    static config_t c;
    c.set("scheduler.policy", caf::atom("testing"));
    return c;
  }
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  }
  void run() { scheduler().run(); }
  void ask(session_ask a, core::user_id who = numbered<core::user_id>(1)) {
    caf::anon_send(registry, ask_atom::value, who, std::make_shared<session_ask>(std::move(a)));
    run();
  }
  void submit(core::create_job j) {
    ask(submit_ask{std::move(j), reply<submit_answer>([this](core::outcome<submit_answer> r) {
                     answers.push_back(r.ok() ? "ok" : std::string(to_string(r.failure().code)));
                   })},
        j.user);
  }
  void grant(std::int64_t token, core::lane kind = core::lane::batch, std::size_t device = 0) {
    auto& wanted = kind == core::lane::batch ? seen.demand : seen.clicks;
    wanted = std::max<std::int64_t>(wanted - 1, 0);
    caf::anon_send(seen.session, grant_atom::value,
                   core::lease{token, device, numbered<core::user_id>(1), {}, kind}, worker);
    run();
    scheduler().advance_time(
        std::chrono::milliseconds(5));  // a job's start is written a little later
    run();
  }
  void finish(std::int64_t token, unit_outcome o = core::unit_output{{}, "m", 1.0}) {
    caf::anon_send(seen.answer_to, ran_atom::value, token,
                   std::make_shared<const unit_outcome>(std::move(o)));
    run();
  }

  config_t& config;
  caf::actor_system system;
  memory_job_log log;
  std::shared_ptr<context> shared;
  played seen;
  persistence_actor writer;
  gpu_supervisor_actor supervisor;
  device_worker_actor worker;
  session_registry_actor registry;
  std::vector<std::string> answers;
  const core::user_id ada = numbered<core::user_id>(1);
};

}  // namespace samovar::testing
