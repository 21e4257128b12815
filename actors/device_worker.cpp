#include "actors/device_worker.hpp"

#include <spdlog/spdlog.h>
#include <caf/all.hpp>
#include <chrono>

#include "core/limits.hpp"

namespace samovar::actors {

namespace {

using clock = std::chrono::steady_clock;

/// Ends a unit: tells the supervisor, then the session. Called once, on whatever thread.
struct unit_end {
  std::size_t index;
  gpu_supervisor_actor supervisor;
  core::unit_journal* journal;  ///< nullptr: the unit is not noted
  leased_unit unit;
  clock::time_point begun = clock::now();

  void operator()(core::unit_result result) const {
    if (journal != nullptr) journal->end(unit.request->job, unit.request->image);
    caf::anon_send(supervisor, ran_atom::value, index, unit.lease.token, charge(result));
    caf::anon_send(unit.session, ran_atom::value, unit.lease.token,
                   std::make_shared<const unit_outcome>(std::move(result)));
  }

  /// The device's own time, µs. A unit that failed before the device began held it all the same: at
  /// no cost, somebody with ten thousand broken images would go before everybody else.
  double charge(const core::unit_result& result) const {
    const double ms = core::device_ms_of(result);
    if (ms > 0.0 || std::holds_alternative<core::unit_output>(result)) return ms * 1e3;
    return std::chrono::duration<double, std::micro>(clock::now() - begun).count();
  }
};

void run_guarded(core::unit_runner* runner, const core::cancel_token& cancel, const unit_end& end) {
  if (runner == nullptr)
    return end(core::unit_failure{"The model on this device is not loaded", true});
  try {
    runner->start(end.unit.request, cancel, end);
  } catch (const std::bad_alloc&) {
    end(core::unit_failure{"The device ran out of memory", true});
  } catch (const std::exception& e) {
    // The reason may hold paths or library internals: it goes to the log, not to the client.
    spdlog::error("device_worker caught: {}", e.what());
    end(core::unit_failure{"The segmenter failed on this image", true});
  }
}

using self_pointer = device_worker_actor::stateful_pointer<device_worker_state>;

void call_next(self_pointer self) {
  auto& s = self->state;
  if (s.next_sent || (s.clicks.empty() && s.batch.empty())) return;
  s.next_sent = true;
  self->send(self, next_atom::value);
}

// While this unit runs, the images of those that come next are fetched and decoded.
void prepare_next(device_worker_state& s) {
  std::size_t room = s.runner ? core::limits::units_prepared_max : 0;
  for (const auto* queue : {&s.clicks, &s.batch})
    for (auto at = queue->begin(); at != queue->end() && room > 0; ++at, --room)
      s.runner->prepare(at->request);
}

void run_next(self_pointer self, std::size_t index, const core::cancel_token& cancel,
              const gpu_supervisor_actor& supervisor, core::unit_journal* journal) {
  auto& s = self->state;
  s.next_sent = false;
  if (s.clicks.empty() && s.batch.empty()) return;
  auto& queue = s.clicks.empty() ? s.batch : s.clicks;
  auto unit = std::move(queue.front());
  queue.pop_front();
  prepare_next(s);
  const bool noted = journal != nullptr && unit.lease.kind == core::lane::batch;
  if (noted) journal->begin(unit.request->job, unit.request->image);
  run_guarded(s.runner.get(), cancel,
              {index, supervisor, noted ? journal : nullptr, std::move(unit)});
}

}  // namespace

device_worker_actor::behavior_type device_worker(
    device_worker_actor::stateful_pointer<device_worker_state> self, std::size_t index,
    device_spec spec, gpu_supervisor_actor supervisor, core::unit_journal* journal) {
  return {
      [=](load_atom) {
        std::string model, reason;
        try {
          self->state.runner = spec.make_runner();
          model = self->state.runner->identity();
        } catch (const std::exception& e) {
          reason = e.what();
        }
        self->send(supervisor, loaded_atom::value, index, model, reason);
      },
      [=](run_atom, const core::lease& lease, const unit_request_ptr& unit,
          const unit_receiver& session) {
        auto& s = self->state;
        (lease.kind == core::lane::interactive ? s.clicks : s.batch)
            .push_back({lease, unit, session});
        call_next(self);
      },
      [=](revoke_atom, std::int64_t token) {
        const auto revoked = [=](const leased_unit& u) { return u.lease.token == token; };
        std::erase_if(self->state.clicks, revoked);
        std::erase_if(self->state.batch, revoked);
      },
      [=](next_atom) {
        run_next(self, index, *spec.cancel, supervisor, journal);
        call_next(self);
      },
  };
}

}  // namespace samovar::actors
