#include <spdlog/spdlog.h>
#include <algorithm>
#include <caf/all.hpp>

#include "actors/session_parts.hpp"
#include "core/limits.hpp"

namespace samovar::actors::session {

namespace {

const core::error job_not_found{core::error_code::not_found, "Job not found", {}};

void ask(self_pointer self, submit_ask& a) {
  auto& s = self->state;
  if (s.queue.size() >= core::limits::open_jobs_per_user_max) {
    a.answer(core::make_error(core::error_code::unavailable, "Too many jobs are waiting already"));
    return;
  }
  write(self, std::move(a.job), submit_done{std::move(a.answer)});
}

void ask(self_pointer self, cancel_ask& a) {
  auto& s = self->state;
  record_start(self, a.job);
  s.queue.stop(a.job);  // no further unit starts while the cancel is on its way to disk
  sync_demand(self);
  write(self, core::cancel_job{s.config.user, a.job, a.at},
        cancel_done{a.job, std::move(a.answer)});
}

void ask(self_pointer self, priority_ask& a) {
  write(self, core::set_job_priority{self->state.config.user, a.job, a.priority},
        priority_done{std::move(a.answer)});
}

void ask(self_pointer self, pause_ask& a) {
  write(self, core::set_queue_paused{self->state.config.user, a.paused},
        pause_done{std::move(a.answer)});
}

void ask(self_pointer self, wait_ask& a) {
  auto& s = self->state;
  const auto known = s.pinned.find(a.job);
  if (known == s.pinned.end()) {
    a.answer(job_not_found);
    return;
  }
  const auto& job = known->second;
  const auto etag = a.etag.empty() ? job->etag() : a.etag;
  const bool answer_now = core::is_terminal(job->view().record.status) || etag != job->etag() ||
                          (s.polls.get() != nullptr &&
                           s.polls.get()->jobs.size() >= core::limits::job_waiters_per_user_max);
  if (answer_now) {
    a.answer(job);
    return;
  }
  const auto number = s.next_ticket++;
  auto& polls = s.polls.made();
  polls.waiters.emplace(std::pair{a.job, number}, job_waiter{etag, std::move(a.answer)});
  polls.jobs.emplace(number, a.job);
  self->delayed_send(self, a.wait, wait_over_atom::value, number);
}

void ask(self_pointer self, segment_ask& a) {
  auto& s = self->state;
  if (s.clicks.size() >= core::limits::clicks_waiting_per_user_max) {
    a.answer(core::make_error(core::error_code::unavailable,
                              "Too many interactive requests are waiting already"));
    return;
  }
  s.clicks.push_back(std::move(a));
  sync_demand(self);
}

void ask(self_pointer self, running_ask& a) { a.answer(self->state.queue.running_images(a.job)); }

void ask(self_pointer self, subscribe_ask& a) {
  auto& s = self->state;
  if (s.sinks.size() >= core::limits::sockets_per_user_max) {
    a.sink->closed();
    return;
  }
  std::vector<pinned_job_ptr> jobs;
  for (const auto id : s.queue.open_jobs(core::limits::hello_jobs_max + 1)) {
    const auto known = s.pinned.find(id);
    if (known != s.pinned.end()) jobs.push_back(known->second);
  }
  a.sink->hello(s.events->last_seq(), jobs);
  if (a.since) {
    if (const auto missed = s.events->since(*a.since)) {
      for (const auto& e : *missed) a.sink->deliver(e);
    } else {
      a.sink->resync(s.events->last_seq());
    }
  }
  s.sinks.push_back(std::move(a.sink));
}

void ask(self_pointer self, unsubscribe_ask& a) {
  std::erase(self->state.sinks, a.sink);
  self->state.last_activity = self->clock().now();
}

void ask(self_pointer self, quota_ask& a) {
  self->state.queue.set_max_concurrent_jobs(a.use.max_concurrent_jobs);
  quota_changed(self, a.use);
  sync_demand(self);
}

// Nothing is left of the account: its jobs are let go, and their units that still run answer into
// the void. Sockets close; whoever waits is told what anybody is told of an unknown job.
void forget_account(self_pointer self) {
  auto& s = self->state;
  for (const auto id : s.queue.open_jobs()) s.queue.let_go(id);
  if (auto* polls = s.polls.get())
    for (auto& [key, waiter] : polls->waiters) waiter.answer(job_not_found);
  s.polls.reset();
  s.starts_due.clear();
  unpin_all(self);
  s.terminal.clear();
  for (const auto& sink : s.sinks) sink->closed();
  s.sinks.clear();
}

void ask(self_pointer self, account_ask& a) {
  auto& s = self->state;
  s.queue.set_max_concurrent_jobs(a.state.max_concurrent_jobs);
  s.held = !a.state.active;
  if (s.held) {
    for (auto& click : s.clicks)
      click.answer(core::make_error(core::error_code::not_signed_in, "Not signed in"));
    s.clicks.clear();
  }
  if (!a.state.exists) forget_account(self);
  if (s.share_weight != a.state.share_weight) {
    s.share_weight = a.state.share_weight;
    self->send(s.supervisor, demand_atom::value,
               session_demand{s.config.user, 0, 0, s.share_weight, s.declared_near},
               caf::actor_cast<lease_receiver>(self));
  }
  sync_demand(self);
  if (!s.held) positions_changed(self);
}

void ask(self_pointer self, drain_ask&) {
  core::event e;
  e.type = core::event_type::server_draining;
  emit(self, std::move(e));
}

}  // namespace

void handle_ask(self_pointer self, session_ask& a) {
  ++self->state.asks_seen;
  self->state.last_activity = self->clock().now();
  std::visit([self](auto& specific) { ask(self, specific); }, a);
}

void recover(self_pointer self, const std::vector<core::open_job>& jobs) {
  auto& s = self->state;
  ++s.asks_seen;
  s.last_activity = self->clock().now();
  for (const auto& open : jobs) {
    if (open.record.user != s.config.user) continue;
    s.queue.set_max_concurrent_jobs(open.max_concurrent_jobs);
    s.share_weight = open.share_weight;
    s.queue.set_paused(open.queue_paused);
    s.held = open.held;
    s.queue.add(open.record, open.inputs, open.ended);
  }
  for (const auto id : s.queue.open_jobs()) publish(self, *s.queue.find(id));
  spdlog::info("user_session {} resumes {} jobs", core::to_string(s.config.user), s.queue.size());
  sync_demand(self);
}

void wait_over(self_pointer self, std::uint64_t waiter) {
  auto& s = self->state;
  auto* polls = s.polls.get();
  if (polls == nullptr) return;
  const auto job = polls->jobs.find(waiter);
  if (job == polls->jobs.end()) return;
  const auto it = polls->waiters.find({job->second, waiter});
  const auto known = s.pinned.find(job->second);
  if (it != polls->waiters.end()) {
    if (known != s.pinned.end())
      it->second.answer(known->second);
    else
      it->second.answer(job_not_found);
    polls->waiters.erase(it);
  }
  polls->jobs.erase(job);
  if (polls->jobs.empty()) s.polls.reset();
}

}  // namespace samovar::actors::session
