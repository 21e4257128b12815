#include "actors/device_worker.hpp"

#include <spdlog/spdlog.h>
#include <caf/all.hpp>
#include <chrono>

namespace samovar::actors {

namespace {

unit_outcome run_guarded(core::unit_runner* runner, const core::unit_request& unit,
                         const core::cancel_token& cancel) {
  if (runner == nullptr) return core::unit_failure{"The model on this device is not loaded", true};
  try {
    return runner->run(unit, cancel);
  } catch (const std::bad_alloc&) {
    return core::unit_failure{"The device ran out of memory", true};
  } catch (const std::exception& e) {
    // The reason may hold paths or library internals: it goes to the log, not to the client.
    spdlog::error("device_worker caught: {}", e.what());
    return core::unit_failure{"The segmenter failed on this image", true};
  }
}

}  // namespace

device_worker_actor::behavior_type device_worker(
    device_worker_actor::stateful_pointer<device_worker_state> self, std::size_t index,
    device_spec spec, gpu_supervisor_actor supervisor) {
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
      [=](run_atom, std::int64_t token, const unit_request_ptr& unit,
          const unit_receiver& session) {
        const auto start = std::chrono::steady_clock::now();
        auto outcome = std::make_shared<const unit_outcome>(
            run_guarded(self->state.runner.get(), *unit, self->state.cancel));
        const std::chrono::duration<double, std::micro> took =
            std::chrono::steady_clock::now() - start;
        self->send(supervisor, ran_atom::value, index, token, took.count());
        self->send(session, ran_atom::value, token, std::move(outcome));
      },
  };
}

}  // namespace samovar::actors
