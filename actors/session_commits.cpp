// What the database answered: only now is the world told.
#include <spdlog/spdlog.h>
#include <algorithm>
#include <caf/all.hpp>
#include <set>

#include "actors/session_parts.hpp"

namespace samovar::actors::session {

namespace {

struct touched_jobs {
  std::vector<core::job_id> order;
  std::set<core::job_id> known;
  std::map<core::job_id, core::job> last;

  void note(const core::job& record) {
    if (known.insert(record.id).second) order.push_back(record.id);
    last[record.id] = record;
  }
};

// The stored job with the parts that commits don't repeat.
core::job complete(const user_session_state& s, core::job record) {
  if (!record.image_ids.empty()) return record;
  const auto known = s.pinned.find(record.id);
  if (known == s.pinned.end()) return record;
  record.image_ids = known->second->view().record.image_ids;
  record.image_filenames = known->second->view().record.image_filenames;
  return record;
}

pinned_job_ptr apply(self_pointer self, const core::job& record) {
  auto& s = self->state;
  s.queue.update(record);
  return publish(self, complete(s, record));
}

core::event_type progress_type(core::job_status status) {
  switch (status) {
    case core::job_status::completed: return core::event_type::job_completed;
    case core::job_status::failed: return core::event_type::job_failed;
    default: return core::event_type::job_progress;
  }
}

// Tells of the jobs whose images ended. All their result.ready are out before, and so before a
// terminal event.
void tell(self_pointer self, touched_jobs& touched) {
  auto& s = self->state;
  if (touched.order.empty()) return;
  for (const auto id : touched.order) {
    const auto& record = touched.last.at(id);
    const auto known = s.pinned.find(id);
    const bool was_over =
        known == s.pinned.end() || core::is_terminal(known->second->view().record.status);
    const auto pinned = apply(self, record);
    if (was_over) continue;
    emit(self, progress_type(record.status), pinned);
    if (core::is_terminal(record.status)) ++s.shared->counters.jobs_ended;
  }
  touched = {};
  positions_changed(self);
}

void answered(self_pointer self, submit_done& done, const core::write_outcome& outcome,
              touched_jobs&) {
  auto& s = self->state;
  if (!outcome.ok()) {
    done.answer(outcome.failure());
    return;
  }
  const auto& written = outcome.value();
  if (written.existed) {
    const auto known = s.pinned.find(written.record.id);
    done.answer(submit_answer{
        known != s.pinned.end()
            ? known->second
            : std::make_shared<const pinned_job>(core::job_view{written.record, {}, {}, {}}),
        true});
    return;
  }
  s.queue.set_max_concurrent_jobs(written.max_concurrent_jobs);
  s.share_weight = written.share_weight;
  s.queue.set_paused(written.queue_paused);
  s.queue.add(written.record, written.inputs, {});
  ++s.shared->counters.jobs_submitted;
  const auto pinned = publish(self, written.record);
  emit(self, core::event_type::job_queued, pinned);
  done.answer(submit_answer{pinned, false});
}

void answered(self_pointer self, start_done& done, const core::write_outcome& outcome,
              touched_jobs&) {
  if (!outcome.ok()) {
    if (outcome.failure().code != core::error_code::conflict)
      spdlog::error("user_session: starting job {} failed: {}", core::to_string(done.job),
                    outcome.failure().detail);
    return;
  }
  if (core::is_terminal(outcome->record.status)) return;
  emit(self, core::event_type::job_started, apply(self, outcome->record));
  positions_changed(self);
}

// A refused result fails its image. When even a failure can't be written, or another server owns
// the job by now, this session lets go of the job, so that the user's other jobs go on.
void unit_refused(self_pointer self, const unit_done& done, const core::error& why) {
  auto& s = self->state;
  if (done.result && why.code == core::error_code::not_found && s.queue.find(done.job) != nullptr) {
    record_failure(self, done.job, done.image, deleted_reason);
    return;
  }
  spdlog::error("user_session: a unit of job {} was refused: {}", core::to_string(done.job),
                why.detail);
  if (done.result && why.code == core::error_code::internal) {
    record_failure(self, done.job, done.image, "The result could not be stored");
    return;
  }
  s.queue.let_go(done.job);
  positions_changed(self);
}

void answered(self_pointer self, unit_done& done, const core::write_outcome& outcome,
              touched_jobs& touched) {
  auto& s = self->state;
  --s.results_in_flight;
  --s.shared->results_pending;
  if (!outcome.ok()) {
    unit_refused(self, done, outcome.failure());
    return;
  }
  s.queue.written(done.job, done.image);
  if (done.result && !outcome->duplicate) {
    core::event e;
    e.type = core::event_type::result_ready;
    e.about_job = done.job;
    e.image = done.image;
    e.result = *done.result;
    emit(self, std::move(e));
  }
  touched.note(outcome->record);
}

void answered(self_pointer self, cancel_done& done, const core::write_outcome& outcome,
              touched_jobs& touched) {
  auto& s = self->state;
  if (!outcome.ok()) {
    tell(self, touched);       // whoever is told that the job is over must find it over
    s.queue.let_go(done.job);  // it is over or another server's; here it was stopped already
    done.answer(outcome.failure());
    return;
  }
  const auto known = s.pinned.find(done.job);
  const bool was_over =
      known != s.pinned.end() && core::is_terminal(known->second->view().record.status);
  const auto pinned = apply(self, outcome->record);
  if (!was_over) {  // two cancels at once end the job once
    ++s.shared->counters.jobs_ended;
    emit(self, core::event_type::job_cancelled, pinned);
  }
  done.answer(pinned);
  positions_changed(self);
}

void answered(self_pointer self, priority_done& done, const core::write_outcome& outcome,
              touched_jobs& touched) {
  tell(self, touched);
  if (!outcome.ok()) {
    done.answer(outcome.failure());
    return;
  }
  const auto pinned = apply(self, outcome->record);
  done.answer(pinned);
  // Asking for the priority that it has is granted to a job that is over, too.
  if (core::is_terminal(pinned->view().record.status)) return;
  emit(self, core::event_type::queue_position, pinned);
  positions_changed(self);
}

void answered(self_pointer self, pause_done& done, const core::write_outcome& outcome,
              touched_jobs&) {
  if (!outcome.ok()) {
    done.answer(outcome.failure());
    return;
  }
  self->state.queue.set_paused(outcome->queue_paused);
  done.answer(bool{outcome->queue_paused});
}

bool has_asker(const pending_write& w) {
  return std::visit(
      [](const auto& done) {
        return requires { done.answer; };
      },
      w);
}

core::error not_stored_in_time() {
  return core::make_error(core::error_code::unavailable,
                          "The database does not answer; the change may still be made later");
}

// One timer for all that wait: it goes by the oldest.
void look_for_overdue(self_pointer self, std::chrono::milliseconds in) {
  if (std::exchange(self->state.overdue_sent, true)) return;
  self->delayed_send(self, in, overdue_atom::value);
}

}  // namespace

void write(self_pointer self, core::write_command command, pending_write then) {
  auto& s = self->state;
  const auto ticket = s.next_ticket++;
  if (has_asker(then)) look_for_overdue(self, s.shared->write_patience);
  s.writes.emplace(ticket, waiting_for_write{std::move(then), self->clock().now()});
  self->send(s.persistence, write_atom::value, ticket,
             std::make_shared<const core::write_command>(std::move(command)),
             caf::actor_cast<write_receiver>(self));
}

void record_start(self_pointer self, core::job_id job) {
  auto& s = self->state;
  if (s.starts_due.erase(job) == 0) return;
  write(self, core::start_job{s.config.user, job, s.shared->now()}, start_done{job});
}

void record_failure(self_pointer self, core::job_id job, core::image_id image, std::string reason) {
  auto& s = self->state;
  record_start(self, job);
  ++s.shared->counters.units_failed;
  ++s.results_in_flight;
  ++s.shared->results_pending;
  write(self,
        core::record_failure{s.config.user, job, image, s.queue.attempt_of(job, image),
                             std::move(reason), s.shared->now()},
        unit_done{job, image, std::nullopt});
}

void on_written(self_pointer self, const std::vector<write_answer>& answers) {
  auto& s = self->state;
  s.last_activity = self->clock().now();
  touched_jobs touched;
  for (const auto& a : answers) {
    auto it = s.writes.find(a.ticket);
    if (it == s.writes.end()) continue;
    auto then = std::move(it->second.then);
    s.writes.erase(it);
    std::visit([&](auto& done) { answered(self, done, a.outcome, touched); }, then);
  }
  tell(self, touched);
  sync_demand(self);
}

void answer_overdue(self_pointer self) {
  auto& s = self->state;
  const auto now = self->clock().now();
  // Those before were looked at, and who asked for them has an answer.
  for (auto it = s.writes.upper_bound(s.overdue_ticket); it != s.writes.end(); ++it) {
    auto& waiting = it->second;
    const auto left = waiting.since + s.shared->write_patience - now;
    if (has_asker(waiting.then) && left > std::chrono::milliseconds(0)) {
      look_for_overdue(self, std::chrono::ceil<std::chrono::milliseconds>(left));
      return;
    }
    s.overdue_ticket = it->first;
    std::visit(
        [](auto& done) {
          if constexpr (requires { done.answer; }) done.answer(not_stored_in_time());
        },
        waiting.then);
  }
}

}  // namespace samovar::actors::session
