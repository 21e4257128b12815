#include <spdlog/spdlog.h>
#include <algorithm>
#include <caf/all.hpp>
#include <set>

#include "actors/session_parts.hpp"
#include "core/limits.hpp"

namespace samovar::actors::session {

namespace {

const char* const deleted_reason = "Image was deleted";

// A unit that ends within this time shares one commit with its job's start: a quick job on an idle
// server costs two waits for the disk instead of three.
constexpr auto start_delay = std::chrono::milliseconds(2);

std::string blob_key(const core::user_id& user, const char* folder, const core::result_id& id,
                     const char* extension) {
  return "users/" + core::to_string(user) + "/" + folder + "/" + core::to_string(id) + extension;
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

void record_result(self_pointer self, const running_unit& unit, const core::unit_output& output) {
  auto& s = self->state;
  record_start(self, unit.job);
  auto row = std::make_shared<core::processing_result>();
  row->id = core::result_id{s.shared->new_uuid()};
  row->job = unit.job;
  row->image = unit.image;
  row->user = s.config.user;
  row->mode = unit.request->mode;
  row->detections = output.detections;
  row->prompts = unit.request->prompts;
  row->mask_blob_path = blob_key(s.config.user, "masks", row->id, ".png");
  row->coco_json_blob_path = blob_key(s.config.user, "coco", row->id, ".json");
  row->model = output.model;
  row->device_ms = output.device_ms;
  row->processed_at = s.shared->now();
  ++s.shared->counters.units_done;
  ++s.results_in_flight;
  ++s.shared->results_pending;
  const auto id = row->id;
  write(self, core::record_result{s.config.user, unit.job, std::move(row)},
        unit_done{unit.job, unit.image, id});
}

// A fault of the machine: try again, or give the image up when no attempt is left.
void unit_faulted(self_pointer self, const running_unit& unit, const std::string& reason) {
  auto& s = self->state;
  if (s.queue.put_back(unit.job, unit.image, true)) {
    sync_demand(self);
    return;
  }
  if (s.queue.find(unit.job) == nullptr) return;  // the job was cancelled: nothing to record
  record_failure(self, unit.job, unit.image, reason);
}

void answer_click(const reply<core::unit_output>& answer, const unit_outcome& outcome) {
  if (const auto* output = std::get_if<core::unit_output>(&outcome)) {
    answer(*output);
    return;
  }
  const auto& failure = std::get<core::unit_failure>(outcome);
  answer(core::make_error(
      failure.retryable ? core::error_code::unavailable : core::error_code::unsupported_prompt,
      failure.reason));
}

void take_in(self_pointer self, const running_unit& unit, const unit_outcome& outcome) {
  auto& s = self->state;
  if (const auto* output = std::get_if<core::unit_output>(&outcome)) {
    // A unit of a cancelled job that was running still counts: its result is kept.
    s.queue.finished(unit.job, unit.image);
    record_result(self, unit, *output);
    return;
  }
  const auto& failure = std::get<core::unit_failure>(outcome);
  if (failure.retryable) {
    unit_faulted(self, unit, failure.reason);
    return;
  }
  s.queue.finished(unit.job, unit.image);
  record_failure(self, unit.job, unit.image, failure.reason);
}

void note_pace(self_pointer self) {
  auto& s = self->state;
  const auto now = self->clock().now();
  const std::chrono::duration<double, std::milli> gap = now - s.last_unit_end;
  s.last_unit_end = now;
  if (gap > std::chrono::seconds(60)) return;  // an idle pause says nothing about the pace
  s.unit_ms = s.unit_ms == 0.0 ? gap.count() : 0.9 * s.unit_ms + 0.1 * gap.count();
}

// --- answers of persistence, by what was asked

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
              touched_jobs&) {
  auto& s = self->state;
  if (!outcome.ok()) {
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
              touched_jobs&) {
  if (!outcome.ok()) {
    done.answer(outcome.failure());
    return;
  }
  const auto pinned = apply(self, outcome->record);
  done.answer(pinned);
  emit(self, core::event_type::queue_position, pinned);
  positions_changed(self);
}

core::event_type progress_type(core::job_status status) {
  switch (status) {
    case core::job_status::completed: return core::event_type::job_completed;
    case core::job_status::failed: return core::event_type::job_failed;
    default: return core::event_type::job_progress;
  }
}

}  // namespace

void write(self_pointer self, core::write_command command, pending_write then) {
  auto& s = self->state;
  const auto ticket = s.next_ticket++;
  s.writes.emplace(ticket, std::move(then));
  self->send(s.persistence, write_atom::value, ticket,
             std::make_shared<const core::write_command>(std::move(command)),
             caf::actor_cast<write_receiver>(self));
}

void record_start(self_pointer self, core::job_id job) {
  auto& s = self->state;
  if (s.starts_due.erase(job) == 0) return;
  write(self, core::start_job{s.config.user, job, s.shared->now()}, start_done{job});
}

void sync_demand(self_pointer self) {
  auto& s = self->state;
  const bool room = s.results_in_flight < core::limits::results_in_flight_per_user_max;
  const auto batch = room && !s.shared->draining && !s.held ? s.queue.demand() : 0;
  const auto wanted = batch + static_cast<std::int64_t>(s.clicks.size());
  if (wanted == s.declared) return;
  self->send(s.supervisor, demand_atom::value, s.config.user, wanted - s.declared, s.share_weight,
             caf::actor_cast<lease_receiver>(self));
  s.declared = wanted;
}

void on_grant(self_pointer self, const core::lease& lease, const device_worker_actor& worker) {
  auto& s = self->state;
  s.declared = std::max<std::int64_t>(s.declared - 1, 0);
  if (!s.clicks.empty()) {  // somebody looks at the screen: before any batch work of this user
    auto click = std::move(s.clicks.front());
    s.clicks.pop_front();
    s.running_clicks.emplace(lease.token, std::move(click.answer));
    ++s.shared->units_out;
    self->send(worker, run_atom::value, lease.token, click.request,
               caf::actor_cast<unit_receiver>(self));
    return;
  }
  const auto unit = s.shared->draining || s.held ? std::nullopt : s.queue.take();
  if (!unit) {
    self->send(s.supervisor, unused_atom::value, lease.token);
    sync_demand(self);
    return;
  }
  if (unit->starts_job) {
    s.starts_due.insert(unit->job);
    self->delayed_send(self, start_delay, start_due_atom::value, unit->job);
  }
  const auto* job = s.queue.find(unit->job);
  const auto* inputs = s.queue.inputs_of(unit->job);
  const auto input = inputs->find(unit->image);
  if (input == inputs->end() || input->second.blob_path.empty()) {
    self->send(s.supervisor, unused_atom::value, lease.token);
    s.queue.finished(unit->job, unit->image);
    record_failure(self, unit->job, unit->image, deleted_reason);
    sync_demand(self);
    return;
  }
  auto request = std::make_shared<core::unit_request>();
  request->user = s.config.user;
  request->job = unit->job;
  request->image = unit->image;
  request->blob_path = input->second.blob_path;
  request->sha256 = input->second.sha256;
  request->mode = job->mode;
  request->prompts = input->second.prompts;
  ++s.shared->units_out;
  s.running.emplace(lease.token, running_unit{unit->job, unit->image, request});
  self->send(worker, run_atom::value, lease.token, unit_request_ptr{request},
             caf::actor_cast<unit_receiver>(self));
  sync_demand(self);
}

void on_ran(self_pointer self, std::int64_t token, const unit_outcome& outcome) {
  auto& s = self->state;
  if (const auto click = s.running_clicks.extract(token); !click.empty()) {
    answer_click(click.mapped(), outcome);
    --s.shared->units_out;
    return;
  }
  const auto it = s.running.find(token);
  if (it == s.running.end()) return;  // an old token: the unit was given to somebody else
  const auto unit = std::move(it->second);
  s.running.erase(it);
  note_pace(self);
  take_in(self, unit, outcome);
  --s.shared->units_out;  // only now: a drain that sees none out must see the result pending
}

void on_revoked(self_pointer self, std::int64_t token) {
  auto& s = self->state;
  // A click whose device hangs is answered by its reply's end; the person clicks again.
  if (s.running_clicks.erase(token) > 0) {
    --s.shared->units_out;
    return;
  }
  const auto it = s.running.find(token);
  if (it == s.running.end()) return;
  const auto unit = std::move(it->second);
  s.running.erase(it);
  --s.shared->units_out;
  unit_faulted(self, unit, "The device stopped answering while it worked on this image");
}

void on_written(self_pointer self, const std::vector<write_answer>& answers) {
  auto& s = self->state;
  s.last_activity = self->clock().now();
  touched_jobs touched;
  for (const auto& a : answers) {
    auto it = s.writes.find(a.ticket);
    if (it == s.writes.end()) continue;
    auto then = std::move(it->second);
    s.writes.erase(it);
    std::visit([&](auto& done) { answered(self, done, a.outcome, touched); }, then);
  }
  // All result.ready of a commit are out before its progress, and so before a terminal event.
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
  if (!touched.order.empty()) positions_changed(self);
  sync_demand(self);
}

}  // namespace samovar::actors::session
