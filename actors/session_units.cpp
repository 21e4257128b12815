#include <spdlog/spdlog.h>
#include <algorithm>
#include <caf/all.hpp>
#include <set>

#include "actors/session_parts.hpp"
#include "core/limits.hpp"

namespace samovar::actors::session {

namespace {

// A unit that ends within this time shares one commit with its job's start: a quick job on an idle
// server costs two waits for the disk instead of three.
constexpr auto start_delay = std::chrono::milliseconds(2);

std::string blob_key(const core::user_id& user, const char* folder, const core::result_id& id,
                     const char* extension) {
  return "users/" + core::to_string(user) + "/" + folder + "/" + core::to_string(id) + extension;
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
void unit_faulted(self_pointer self, const running_unit& unit, const std::string& reason,
                  bool counts = true) {
  auto& s = self->state;
  if (s.queue.put_back(unit.job, unit.image, counts)) {
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

void note_encoded(user_session_state& s, core::image_id image, std::size_t device,
                  const unit_outcome& outcome) {
  if (s.shared->devices > 1 && std::holds_alternative<core::unit_output>(outcome))
    s.encoded.made().note(image, device);
}

int deaths_of(const user_session_state& s, const core::job_queue::unit& unit) {
  return s.shared->journal == nullptr ? 0 : s.shared->journal->deaths(unit.job, unit.image);
}

std::optional<std::size_t> near_of_next(const user_session_state& s) {
  if (s.shared->devices < 2) return std::nullopt;
  if (s.encoded.get() == nullptr) return std::nullopt;
  if (!s.clicks.empty()) return s.encoded.get()->device_of(s.clicks.front().request->image);
  const auto image = s.queue.next_image();
  return image ? s.encoded.get()->device_of(*image) : std::nullopt;
}

// The unit ends here without having run.
void give_up(self_pointer self, const core::lease& lease, const core::job_queue::unit& unit,
             std::string reason) {
  self->send(self->state.supervisor, unused_atom::value, lease.token);
  self->state.queue.finished(unit.job, unit.image);
  record_failure(self, unit.job, unit.image, std::move(reason));
  sync_demand(self);
}

}  // namespace

void sync_demand(self_pointer self) {
  auto& s = self->state;
  const bool room = s.results_in_flight < core::limits::results_in_flight_per_user_max;
  const auto batch = room && !s.shared->draining && !s.held ? s.queue.demand() : 0;
  const auto clicks = static_cast<std::int64_t>(s.clicks.size());
  const auto near = near_of_next(s);
  if (batch == s.declared && clicks == s.declared_clicks && near == s.declared_near) return;
  self->send(s.supervisor, demand_atom::value,
             session_demand{s.config.user, batch - s.declared, clicks - s.declared_clicks,
                            s.share_weight, near},
             caf::actor_cast<lease_receiver>(self));
  s.declared = batch;
  s.declared_clicks = clicks;
  s.declared_near = near;
}

void on_click_grant(self_pointer self, const core::lease& lease,
                    const device_worker_actor& worker) {
  auto& s = self->state;
  s.declared_clicks = std::max<std::int64_t>(s.declared_clicks - 1, 0);
  if (s.clicks.empty()) {
    self->send(s.supervisor, unused_atom::value, lease.token);
  } else {
    auto click = std::move(s.clicks.front());
    s.clicks.pop_front();
    s.running_clicks.emplace(
        lease.token, running_click{std::move(click.answer), click.request->image, lease.device});
    ++s.shared->units_out;
    self->send(worker, run_atom::value, lease, click.request, caf::actor_cast<unit_receiver>(self));
  }
  sync_demand(self);
}

void on_grant(self_pointer self, const core::lease& lease, const device_worker_actor& worker) {
  auto& s = self->state;
  if (lease.kind == core::lane::interactive) return on_click_grant(self, lease, worker);
  s.declared = std::max<std::int64_t>(s.declared - 1, 0);
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
  if (input == inputs->end() || input->second.blob_path.empty())
    return give_up(self, lease, *unit, deleted_reason);
  if (const auto deaths = deaths_of(s, *unit); deaths >= core::limits::unit_attempts_max) {
    s.shared->journal->end(unit->job, unit->image);
    return give_up(self, lease, *unit,
                   "The server died " + std::to_string(deaths) +
                       " times while it worked on this image; it is not tried again");
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
  s.running.emplace(lease.token, running_unit{unit->job, unit->image, request, lease.device});
  self->send(worker, run_atom::value, lease, unit_request_ptr{request},
             caf::actor_cast<unit_receiver>(self));
  sync_demand(self);
}

void on_ran(self_pointer self, std::int64_t token, const unit_outcome& outcome) {
  auto& s = self->state;
  if (const auto click = s.running_clicks.extract(token); !click.empty()) {
    note_encoded(s, click.mapped().image, click.mapped().device, outcome);
    answer_click(click.mapped().answer, outcome);
    --s.shared->units_out;
    return;
  }
  const auto it = s.running.find(token);
  if (it == s.running.end()) return;  // an old token: the unit was given to somebody else
  const auto unit = std::move(it->second);
  s.running.erase(it);
  note_pace(self);
  note_encoded(s, unit.image, unit.device, outcome);
  take_in(self, unit, outcome);
  --s.shared->units_out;  // only now: a drain that sees none out must see the result pending
}

void on_revoked(self_pointer self, std::int64_t token, bool was_at_work) {
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
  unit_faulted(self, unit, "The device stopped answering while it worked on this image",
               was_at_work);
}

}  // namespace samovar::actors::session
