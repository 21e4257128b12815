#include "actors/user_session.hpp"

#include <caf/all.hpp>

#include "actors/session_parts.hpp"
#include "core/limits.hpp"

namespace samovar::actors {

namespace {

using session::self_pointer;

// Asks the registry to retire this session when it has had nothing to do for a while. The registry
// compares the number of asks, so that one on its way is not lost.
void check_idle(self_pointer self) {
  auto& s = self->state;
  const bool busy = !s.queue.idle() || !s.sinks.empty() || s.polls.get() != nullptr ||
                    !s.writes.empty() || !s.running.empty() || !s.clicks.empty() ||
                    !s.running_clicks.empty();
  const auto quiet = self->clock().now() - s.last_activity;
  if (!busy && quiet >= s.config.idle_after)
    self->send(s.registry, idle_atom::value, s.config.user, s.asks_seen, s.events->last_seq());
}

}  // namespace

void encoded_images::note(core::image_id image, std::size_t device) {
  const auto [it, is_new] = device_.insert_or_assign(image, device);
  if (!is_new) return;
  order_.push_back(image);
  if (order_.size() <= core::limits::encoded_images_remembered_max) return;
  device_.erase(order_.front());
  order_.pop_front();
}

std::optional<std::size_t> encoded_images::device_of(core::image_id image) const {
  const auto it = device_.find(image);
  if (it == device_.end()) return std::nullopt;
  return it->second;
}

user_session_actor::behavior_type user_session(self_pointer self, user_session_config config,
                                               persistence_actor persistence,
                                               gpu_supervisor_actor supervisor,
                                               session_registry_actor registry,
                                               std::shared_ptr<context> shared) {
  auto& s = self->state;
  s.events.emplace(config.last_seq);
  s.last_activity = self->clock().now();
  s.persistence = std::move(persistence);
  s.supervisor = std::move(supervisor);
  s.registry = std::move(registry);
  s.shared = std::move(shared);
  s.config = config;
  ++s.shared->counters.sessions_alive;
  return {
      [=](ask_atom, const session_ask_ptr& ask) { session::handle_ask(self, *ask); },
      [=](recover_atom, const open_jobs_ptr& jobs) { session::recover(self, *jobs); },
      [=](retire_atom) {
        session::unpin_all(self);
        self->quit();
      },
      [=](refresh_atom) {
        self->state.refresh_sent = false;
        session::refresh_positions(self);
      },
      [=](idle_atom) { check_idle(self); },
      [=](start_due_atom, const core::job_id& job) { session::record_start(self, job); },
      [=](wait_over_atom, std::uint64_t waiter) { session::wait_over(self, waiter); },
      [=](overdue_atom) {
        self->state.overdue_sent = false;
        session::answer_overdue(self);
      },
      [=](ran_atom, std::int64_t token, const unit_outcome_ptr& outcome) {
        session::on_ran(self, token, *outcome);
      },
      [=](written_atom, const write_answers_ptr& answers) { session::on_written(self, *answers); },
      [=](grant_atom, const core::lease& lease, const device_worker_actor& worker) {
        session::on_grant(self, lease, worker);
      },
      [=](revoke_atom, std::int64_t token, bool was_at_work) {
        session::on_revoked(self, token, was_at_work);
      },
  };
}

}  // namespace samovar::actors
