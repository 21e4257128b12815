// The invariants. `check_always` after every step, `check_quiet` whenever no message is on its way,
// `check_books` at the end of a life.
#include <algorithm>
#include <caf/all.hpp>

#include "core/limits.hpp"
#include "tests/sim/world.hpp"

namespace samovar::sim {

using namespace samovar::actors;

namespace {

template <class State, class Handle>
State& state_of(const Handle& actor) {
  return dynamic_cast<typename Handle::template stateful_base<State>*>(
             caf::actor_cast<caf::abstract_actor*>(actor))
      ->state;
}

bool older_than_stored(const core::job& announced, const core::job* stored) {
  return stored != nullptr && announced.version <= stored->version &&
         (announced.version < stored->version || announced.status == stored->status);
}

}  // namespace

// ----------------------------------------------------------------------------------------- sockets

void observer::see(std::int64_t seq) {
  if (seq <= last_) world_.fail("event numbers went back on a socket");
  last_ = seq;
  auto& newest = world_.newest_seq_[user_];
  newest = std::max(newest, seq);
  ++world_.seen_.events;
}

void observer::hello(std::int64_t seq, const std::vector<pinned_job_ptr>& jobs) {
  if (cut) return;
  if (last_ != -1) world_.fail("a socket was greeted twice");
  for (const auto& job : jobs) {
    const auto& record = job->view().record;
    if (record.user != user_) world_.fail("hello shows another user's job");
    if (!older_than_stored(record, world_.store_.find(record.id)))
      world_.fail("hello shows a job that is not stored");
  }
  if (seq < 0) world_.fail("hello without a number");
}

void observer::deliver(const core::event_ptr& e) {
  if (cut) return;
  see(e->seq);
  if (e->job) {
    const auto& record = e->job->record;
    if (record.user != user_) world_.fail("an event of another user");
    if (!older_than_stored(record, world_.store_.find(record.id)))
      world_.fail("an event announces what is not stored");
  }
  if (e->type == core::event_type::result_ready) {
    const auto at = world_.store_.units().find({e->about_job, e->image});
    if (at == world_.store_.units().end() || at->second.result != e->result)
      world_.fail("result.ready for a result that is not stored");
  }
}

void observer::resync(std::int64_t seq) {
  if (cut) return;
  if (seq < 0) world_.fail("resync without a number");
}

// ------------------------------------------------------------------------------------ always,
// quiet

void world::check_always() {
  auto& boss = state_of<gpu_supervisor_state>(server_.supervisor);
  for (std::size_t d = 0; d < boss.devices.size(); ++d)
    if (boss.leases.leases_on(d) > shape_.slots + 1) fail("invariant 1: a slot was leased twice");
  for (const auto& [user, most] : store_.max_concurrent_jobs)
    if (store_.running_jobs(user) > most) fail("invariant 2: too many jobs of a user run");
  if (server_.shared->units_out < 0 || server_.shared->results_pending < 0)
    fail("a counter fell below zero");
}

void world::check_quiet() {
  ++seen_.quiet;
  auto& boss = state_of<gpu_supervisor_state>(server_.supervisor);
  if (boss.scheduler.anyone_waits() && boss.leases.free_device())
    fail("invariant 5: somebody waits while a slot is free");
  if (boss.scheduler.click_waits() && boss.leases.free_device(core::lane::interactive))
    fail("invariant 5: a click waits while its slot is free");
  auto& registry = state_of<session_registry_state>(server_.registry);
  for (const auto& [user, entry] : registry.sessions) {
    auto& s = state_of<user_session_state>(entry.session);
    const bool room = s.results_in_flight < core::limits::results_in_flight_per_user_max;
    const auto wanted = room ? s.queue.demand() : 0;
    const auto clicks = static_cast<std::int64_t>(s.clicks.size());
    if (s.declared != wanted || s.declared_clicks != clicks)
      fail("a session's demand is not what the supervisor was told");
    if (!s.writes.empty()) continue;
    for (const auto id : s.queue.open_jobs()) {
      const auto* stored = store_.find(id);
      if (stored == nullptr) fail("invariant 7: a queue holds a job that is not stored");
      if (core::is_terminal(stored->status))
        fail("invariant 7: a queue holds job " + core::to_string(id) + ", which is " +
             std::string(core::to_string(stored->status)));
    }
  }
  if (!state_of<persistence_state>(server_.writer).gathered.empty()) return;
  for (const auto& [id, c] : acknowledged_) {
    const auto* stored = store_.find(id);
    if (stored == nullptr) fail("an acknowledged job is gone");
    if (core::is_terminal(stored->status)) continue;
    const auto entry = registry.sessions.find(c.user);
    const bool known =
        entry != registry.sessions.end() &&
        state_of<user_session_state>(entry->second.session).queue.find(id) != nullptr;
    // A reborn session reads its jobs from the database, which may have to be tried again.
    if (known)
      missing_since_ms_.erase(id);
    else if (steady_ms_ - missing_since_ms_.try_emplace(id, steady_ms_).first->second > 30'000)
      fail("invariant 7: open job " + core::to_string(id) + " is in nobody's queue");
  }
}

// -------------------------------------------------------------------------------------- the end

void world::settle() {
  calm_ = true;
  server_.log->lost_before = 0.0;
  server_.log->lost_in_doubt = 0.0;
  for (auto& old : dying_) end_actors(old);
  dying_.clear();
  for (auto& d : *server_.devices) d.hangs = false;
  for (const auto& [user, most] : store_.max_concurrent_jobs) pause(user, false);
  int still = 0;
  for (int round = 0; round < 200'000 && still < 400; ++round) {
    while (run_one_actor()) check_always();
    check_quiet();
    bool moved = false;
    for (std::size_t i = 0; i < server_.devices->size(); ++i)
      if (!(*server_.devices)[i].queue.empty()) {
        const auto u = (*server_.devices)[i].queue.front();
        (*server_.devices)[i].queue.pop_front();
        answer_unit(i, u, false);
        moved = true;
      }
    if (!moved) {
      ++still;
      scheduler_->advance_time(std::chrono::milliseconds(500));
    } else {
      still = 0;
    }
  }
  check_books();
}

std::string world::where_clicks_are() {
  std::string out;
  auto& registry = state_of<session_registry_state>(server_.registry);
  for (const auto& [user, entry] : registry.sessions) {
    auto& s = state_of<user_session_state>(entry.session);
    out += "; session: " + std::to_string(s.clicks.size()) + " wait, " +
           std::to_string(s.declared_clicks) + " declared, " +
           std::to_string(s.running_clicks.size()) + " run";
  }
  for (const auto& [user, asks] : registry.held) out += "; held: " + std::to_string(asks.size());
  auto& boss = state_of<gpu_supervisor_state>(server_.supervisor);
  for (const auto& c : boss.scheduler.state())
    out += "; demand " + std::to_string(c.demand) + ", leases " + std::to_string(c.leases_out);
  for (const auto& d : *server_.devices) out += "; device queue " + std::to_string(d.queue.size());
  return out;
}

void world::check_books() {
  seen_.commits_in_doubt += server_.log->in_doubt;
  seen_.revocations += server_.shared->counters.leases_revoked;
  if (asks_open_ != 0) fail("an ask was never answered");
  if (clicks_open_ != 0) fail("a click was never answered" + where_clicks_are());
  if (server_.shared->units_out != 0) fail("units are counted as out, and none is");
  if (server_.shared->results_pending != 0) fail("results are counted as pending, and none is");
  auto& boss = state_of<gpu_supervisor_state>(server_.supervisor);
  if (boss.leases.size() != 0) fail("a lease never ended");
  if (boss.scheduler.anyone_waits()) fail("demand was left over");
  for (const auto& [id, job] : store_.jobs()) {
    std::int32_t ended = 0, failed = 0;
    for (const auto image : job.image_ids) {
      const auto at = store_.units().find({id, image});
      if (at == store_.units().end()) continue;
      ++ended;
      if (!at->second.result) ++failed;
    }
    const auto name = core::to_string(id);
    if (!core::is_terminal(job.status)) fail("invariant 3: job " + name + " never ended");
    if (job.status != core::job_status::cancelled &&
        ended != static_cast<std::int32_t>(job.image_ids.size()))
      fail("invariant 3: an image of job " + name + " never ended");
    if (job.current_index != ended || job.failed_count != failed)
      fail("invariant 3: the counts of job " + name + " are wrong");
  }
  for (const auto& [id, c] : acknowledged_)
    if (store_.find(id) == nullptr) fail("an acknowledged job is gone");
  for (const auto id : cancel_acknowledged_)
    if (store_.find(id)->status != core::job_status::cancelled) fail("a cancelled job came back");
}

}  // namespace samovar::sim
