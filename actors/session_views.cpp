#include <algorithm>
#include <caf/all.hpp>

#include "actors/session_parts.hpp"
#include "core/limits.hpp"

namespace samovar::actors::session {

namespace {

// Above this many waiting jobs, positions are brought up to date on a timer and not at each change.
constexpr std::size_t positions_inline_max = 64;

core::job_view view_of(const user_session_state& s, const core::job& record) {
  core::job_view view;
  view.record = record;
  if (record.status == core::job_status::queued)
    view.queue_position = s.queue.position_of(record.id);
  if (!core::is_terminal(record.status) && s.unit_ms > 0.0)
    view.eta_seconds = static_cast<double>(s.queue.units_until_done(record.id)) * s.unit_ms / 1e3;
  if (record.status == core::job_status::running) {
    const auto index =
        s.queue.first_running(record.id).value_or(static_cast<std::size_t>(record.current_index));
    if (index < record.image_filenames.size())
      view.current_image_filename = record.image_filenames[index];
  }
  return view;
}

void wake_waiters(user_session_state& s, const pinned_job_ptr& job) {
  const auto id = job->view().record.id;
  const bool over = core::is_terminal(job->view().record.status);
  auto* polls = s.polls.get();
  if (polls == nullptr) return;
  auto& waiters = polls->waiters;
  for (auto it = waiters.lower_bound({id, 0}); it != waiters.end() && it->first.first == id;) {
    if (over || it->second.etag != job->etag()) {
      it->second.answer(job);
      polls->jobs.erase(it->first.second);
      it = waiters.erase(it);
    } else {
      ++it;
    }
  }
  if (polls->jobs.empty()) s.polls.reset();
}

/// Jobs that run, or were asked to start.
std::int32_t running_jobs(const user_session_state& s) {
  return static_cast<std::int32_t>(s.queue.size() - s.queue.waiting_jobs());
}

void keep_terminal(user_session_state& s, core::job_id id) {
  s.terminal.push_back(id);
  if (s.terminal.size() <= core::limits::terminal_jobs_kept_max) return;
  const auto oldest = s.terminal.front();
  s.terminal.pop_front();
  s.pinned.erase(oldest);
  s.shared->board.unpin(oldest);
}

}  // namespace

pinned_job_ptr publish(self_pointer self, const core::job& record) {
  auto& s = self->state;
  auto& known = s.pinned[record.id];
  // Of several changes in one commit the answers come one by one: what is known may be newer.
  if (known && record.version < known->view().record.version) return known;
  auto pinned = std::make_shared<const pinned_job>(view_of(s, record));
  const bool was_over = known && core::is_terminal(known->view().record.status);
  known = pinned;
  s.shared->board.pin(pinned);
  if (core::is_terminal(record.status) && !was_over) keep_terminal(s, record.id);
  wake_waiters(s, pinned);
  return pinned;
}

void emit(self_pointer self, core::event e) {
  auto& s = self->state;
  const auto numbered = s.events->append(std::move(e));
  for (const auto& sink : s.sinks) sink->deliver(numbered);
}

void emit(self_pointer self, core::event_type type, const pinned_job_ptr& job) {
  core::event e;
  e.type = type;
  e.about_job = job->view().record.id;
  // Shares ownership with the pinned job: no copy of the job per event.
  e.job = std::shared_ptr<const core::job_view>(job, &job->view());
  emit(self, std::move(e));
  const bool counts = type == core::event_type::job_started || core::is_terminal(type);
  const auto* known = self->state.quota_told.get();
  if (counts && known != nullptr && known->running_jobs != running_jobs(self->state))
    quota_changed(self, *known);
}

void quota_changed(self_pointer self, core::quota_use use) {
  auto& s = self->state;
  // The database was read before this came here; of the user's jobs the session knows more.
  use.running_jobs = running_jobs(s);
  s.quota_told.made() = use;
  core::event e;
  e.type = core::event_type::quota_changed;
  e.quota = use;
  emit(self, std::move(e));
}

void positions_changed(self_pointer self) {
  auto& s = self->state;
  if (s.queue.waiting_jobs() <= positions_inline_max) {
    refresh_positions(self);
    return;
  }
  if (s.refresh_sent) return;
  s.refresh_sent = true;
  const auto pause = std::chrono::milliseconds(200 + s.queue.waiting_jobs() / 20);
  self->delayed_send(self, pause, refresh_atom::value);
}

void refresh_positions(self_pointer self) {
  auto& s = self->state;
  std::int32_t position = 0;
  for (const auto id : s.queue.waiting_order(core::limits::open_jobs_per_user_max)) {
    const auto known = s.pinned.find(id);
    if (known == s.pinned.end() || known->second->view().queue_position != position) {
      const auto pinned = publish(self, *s.queue.find(id));
      // Sockets hear of the head of the queue only; a long tail would be all noise.
      if (position < static_cast<std::int32_t>(positions_inline_max) && !s.sinks.empty())
        emit(self, core::event_type::queue_position, pinned);
    }
    ++position;
  }
}

void unpin_all(self_pointer self) {
  auto& s = self->state;
  for (const auto& [id, job] : s.pinned) s.shared->board.unpin(id);
  s.pinned.clear();
}

}  // namespace samovar::actors::session
