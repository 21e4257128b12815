#include "tests/sim/world.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "tests/actors/fakes.hpp"

namespace samovar::sim {

using namespace samovar::actors;
using samovar::testing::numbered;

void totals::add(const totals& o) {
  steps += o.steps;
  jobs += o.jobs;
  units += o.units;
  events += o.events;
  clicks += o.clicks;
  restarts += o.restarts;
  session_deaths += o.session_deaths;
  revocations += o.revocations;
  twice += o.twice;
  commits_in_doubt += o.commits_in_doubt;
  old_servers += o.old_servers;
  clock_jumps += o.clock_jumps;
  quiet += o.quiet;
}

void world::fail(const std::string& what) const {
  throw violation("seed " + std::to_string(seed_) + ", step " + std::to_string(seen_.steps) + ": " +
                  what);
}

world::world(std::uint64_t seed, shape s) : seed_(seed), shape_(s), dice_(seed) {
  config_.set("scheduler.policy", caf::atom("testing"));
  system_ = std::make_unique<caf::actor_system>(config_);
  scheduler_ = dynamic_cast<caf::scheduler::test_coordinator*>(&system_->scheduler());
  for (int u = 1; u <= shape_.users; ++u)
    store_.max_concurrent_jobs[numbered<core::user_id>(u)] = 1 + static_cast<int>(below(3));
  start_server();
}

world::~world() {
  end_actors(server_);
  for (auto& old : dying_) end_actors(old);
  server_ = {};
  dying_.clear();
  while (scheduler_->try_run_once()) {
  }
  system_.reset();
}

core::user_id world::any_user() {
  return numbered<core::user_id>(1 + static_cast<int>(below(shape_.users)));
}

std::optional<core::job_id> world::any_job_of(core::user_id user) {
  const auto& jobs = jobs_of_[user];
  if (jobs.empty()) return std::nullopt;
  // Mostly a recent one: those are the ones that still do something.
  const auto recent = std::min<std::size_t>(jobs.size(), one_in(8) ? jobs.size() : 6);
  return jobs[jobs.size() - 1 - below(recent)];
}

// --------------------------------------------------------------------------- servers come and go

void world::start_server() {
  server_.log = std::make_unique<connection>(store_, dice_);
  server_.shared = std::make_shared<context>(server_.log->begin_epoch());
  server_.devices = std::make_shared<std::vector<device>>(shape_.devices);
  const auto open = server_.log->take_open_jobs(std::nullopt);
  server_.writer = system_->spawn(persistence, server_.log.get(), server_.shared);
  gpu_supervisor_config c;
  c.slots_per_device = shape_.slots;
  c.lease_timeout = std::chrono::seconds(60);
  for (int i = 0; i < shape_.devices; ++i) c.devices.push_back({"sim:" + std::to_string(i), {}});
  c.make_worker = [this, devices = server_.devices](std::size_t index, gpu_supervisor_actor boss) {
    (*devices)[index].supervisor = boss;
    return system_->spawn(
        [=, this](device_worker_actor::pointer self) -> device_worker_actor::behavior_type {
          return {
              [=, this](load_atom) {
                const bool fails = !calm_ && shape_.faults && one_in(10);
                self->send(boss, loaded_atom::value, index, std::string(fails ? "" : "sim/1"),
                           std::string(fails ? "no memory" : ""));
              },
              [=, this](run_atom, const core::lease& lease, const unit_request_ptr& u,
                        const unit_receiver& session) {
                if (!tokens_.insert(lease.token).second) fail("a lease token was used twice");
                auto& queue = (*devices)[index].queue;
                // The first in the queue is the one that the device is at work on.
                const bool click = lease.kind == core::lane::interactive && !queue.empty();
                queue.insert(click ? queue.begin() + 1 : queue.end(), {lease.token, u, session});
              },
              [=](revoke_atom, std::int64_t token) {
                auto& queue = (*devices)[index].queue;
                if (queue.empty()) return;
                queue.erase(std::remove_if(queue.begin() + 1, queue.end(),
                                           [=](const auto& u) { return u.token == token; }),
                            queue.end());
              },
              [](next_atom) {}};
        });
  };
  server_.supervisor = system_->spawn(gpu_supervisor, c, server_.shared);
  server_.registry = system_->spawn(session_registry, server_.writer, server_.supervisor,
                                    std::chrono::seconds(300), server_.shared);
  if (!open.empty())
    caf::anon_send(server_.registry, recover_atom::value,
                   std::make_shared<const std::vector<core::open_job>>(open));
  server_.log->lost_before = calm_ || !shape_.faults ? 0.0 : 0.02;
  server_.log->lost_in_doubt = calm_ || !shape_.faults ? 0.0 : 0.02;
}

// kill -9: what was on its way is lost, nobody says goodbye. Sometimes the old server lives on for
// a while with its connection, as one does that was only cut off: its epoch must keep it out.
void world::kill_server() {
  ++seen_.restarts;
  for (const auto& s : server_.sockets) s->cut = true;
  seen_.commits_in_doubt += server_.log->in_doubt;
  seen_.revocations += server_.shared->counters.leases_revoked;
  for (auto& d : *server_.devices) d.queue.clear();
  const bool lives_on = one_in(3);
  server_.log->cut = !lives_on;
  if (lives_on) {
    ++seen_.old_servers;
    dying_.push_back(std::move(server_));
  } else {
    end_actors(server_);
  }
  server_ = {};
  missing_since_ms_.clear();
  start_server();
}

void world::end_actors(server& s) {
  for (auto& d : *s.devices) d.queue.clear();
  for (const auto& socket : s.sockets) socket->cut = true;
  std::vector<caf::actor> all;
  for (const auto& d : *s.devices) all.push_back(caf::actor_cast<caf::actor>(d.supervisor));
  all.push_back(caf::actor_cast<caf::actor>(s.registry));
  all.push_back(caf::actor_cast<caf::actor>(s.supervisor));
  all.push_back(caf::actor_cast<caf::actor>(s.writer));
  const auto workers = dynamic_cast<gpu_supervisor_actor::stateful_base<gpu_supervisor_state>*>(
      caf::actor_cast<caf::abstract_actor*>(s.supervisor));
  for (const auto& d : workers->state.devices) all.push_back(caf::actor_cast<caf::actor>(d.worker));
  for (const auto& a : all)
    if (a) caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  // They only end here: nothing they do on the way may reach the store or a socket.
  s.log->cut = true;
  while (scheduler_->try_run_once()) {
  }
}

// --------------------------------------------------------------------------------------- the clock

bool world::run_one_actor() {
  auto& jobs = scheduler_->jobs;
  if (jobs.empty()) return false;
  std::swap(jobs[0], jobs[below(jobs.size())]);
  scheduler_->run_once();
  return true;
}

void world::pass_time() {
  std::int64_t ms = 1 + static_cast<std::int64_t>(below(50));
  if (one_in(20)) ms = static_cast<std::int64_t>(below(5000));
  if (shape_.faults && one_in(400)) {  // the machine slept, or the clock was set
    ++seen_.clock_jumps;
    ms = 600'000;
    wall_us_ -= static_cast<std::int64_t>(below(3'600'000'000));
  }
  wall_us_ += ms * 1000;
  steady_ms_ += ms;
  scheduler_->advance_time(std::chrono::milliseconds(ms));
}

void world::step() {
  ++seen_.steps;
  if (!scheduler_->has_job()) {
    check_quiet();
    something_happens();
  } else if (one_in(12)) {
    something_happens();
  } else {
    run_one_actor();
  }
  check_always();
}

}  // namespace samovar::sim
