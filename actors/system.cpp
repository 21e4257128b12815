#include "actors/system.hpp"

#include <spdlog/spdlog.h>
#include <caf/all.hpp>
#include <mutex>
#include <thread>

#include "actors/context.hpp"
#include "actors/gpu_supervisor.hpp"
#include "actors/persistence.hpp"
#include "actors/session_registry.hpp"
#include "core/limits.hpp"

namespace samovar::actors {

namespace {

// Without one of the actors that serve everybody (the supervisor's workers are linked to it)
// acknowledged work would wait for ever. Ending the process is the honest way out: the next start
// resumes every open job from the database.
template <class Handle>
void watch(const Handle& actor, const char* name) {
  actor->attach_functor([name](const caf::error& reason) {
    if (reason == caf::exit_reason::user_shutdown || reason == caf::exit_reason::normal) return;
    spdlog::critical("{} died unexpectedly; the process ends so that it can resume", name);
    spdlog::shutdown();
    std::_Exit(70);
  });
}

core::error draining_error() {
  return core::make_error(core::error_code::draining, "The server is shutting down");
}

}  // namespace

bool needs_session(const session_ask& ask) {
  return std::holds_alternative<segment_ask>(ask) || std::holds_alternative<submit_ask>(ask) ||
         std::holds_alternative<cancel_ask>(ask) || std::holds_alternative<priority_ask>(ask) ||
         std::holds_alternative<pause_ask>(ask) || std::holds_alternative<subscribe_ask>(ask);
}

struct system::impl {
  impl(system_config c, core::job_log& job_log)
      : config(std::move(c)), shared(std::make_shared<context>(job_log.begin_epoch())) {
    caf_config.set("scheduler.policy", caf::atom("sharing"));
    caf_config.set("scheduler.max-threads", config.threads);
    actor_system = std::make_unique<caf::actor_system>(caf_config);
    shared->journal = config.journal;
    shared->write_patience = config.write_patience;
    for (const auto& d : config.devices) shared->meters.emplace_back(d.id);
    auto open = job_log.take_open_jobs(std::nullopt);
    persistence_handle = actor_system->spawn<caf::detached>(persistence, &job_log, shared);
    watch(persistence_handle, "persistence");
    supervisor =
        actor_system->spawn(gpu_supervisor,
                            gpu_supervisor_config{config.devices, config.slots_per_device,
                                                  config.lease_timeout, config.unit_timeout},
                            shared);
    watch(supervisor, "gpu_supervisor");
    registry = actor_system->spawn(session_registry, persistence_handle, supervisor,
                                   config.session_idle, shared);
    watch(registry, "session_registry");
    if (!open.empty()) {
      spdlog::info("resuming {} open jobs", open.size());
      caf::anon_send(registry, recover_atom::value,
                     std::make_shared<const std::vector<core::open_job>>(std::move(open)));
    }
  }

  void to_session(core::user_id user, session_ask ask) {
    const std::lock_guard guard(handles);
    if (!registry) return;  // the ask is destroyed: its reply answers `unavailable`
    caf::anon_send(registry, ask_atom::value, user, std::make_shared<session_ask>(std::move(ask)));
  }

  void use_device(std::string id, bool use, reply<device_state> answer) {
    const std::lock_guard guard(handles);
    if (supervisor)
      caf::anon_send(supervisor, drain_atom::value, std::move(id), use, std::move(answer));
  }

  // Bounds the writes on their way to disk; null answer object when the door is closed.
  template <class T>
  std::optional<reply<T>> through_door(reply<T> answer) {
    if (shared->draining) {
      answer(draining_error());
      return std::nullopt;
    }
    if (shared->door_writes.fetch_add(1) >=
        static_cast<std::int64_t>(config.persistence_queue_max)) {
      --shared->door_writes;
      answer(core::make_error(core::error_code::unavailable,
                              "The server is busy; please try again in a moment"));
      return std::nullopt;
    }
    // The place is kept until the write is over, which may be after its asker was answered.
    const std::shared_ptr<void> place(nullptr, [door = shared](void*) { --door->door_writes; });
    return reply<T>([answer, place](core::outcome<T> value) { answer(std::move(value)); });
  }

  system_config config;
  std::shared_ptr<context> shared;
  caf::actor_system_config caf_config;
  std::unique_ptr<caf::actor_system> actor_system;
  std::mutex handles;  ///< guards the three handles against a shutdown on another thread
  persistence_actor persistence_handle;
  gpu_supervisor_actor supervisor;
  session_registry_actor registry;
};

system::system(system_config config, core::job_log& log)
    : impl_(std::make_unique<impl>(std::move(config), log)) {}

system::~system() { shutdown(std::chrono::milliseconds(0)); }

void system::submit(core::create_job job, reply<submit_answer> answer) {
  const auto user = job.user;
  if (auto r = impl_->through_door(std::move(answer)))
    impl_->to_session(user, submit_ask{std::move(job), std::move(*r)});
}

void system::cancel(core::user_id user, core::job_id job, reply<pinned_job_ptr> answer) {
  if (auto r = impl_->through_door(std::move(answer)))
    impl_->to_session(user, cancel_ask{job, impl_->shared->now(), std::move(*r)});
}

void system::set_priority(core::user_id user, core::job_id job, std::int32_t priority,
                          reply<pinned_job_ptr> answer) {
  if (auto r = impl_->through_door(std::move(answer)))
    impl_->to_session(user, priority_ask{job, priority, std::move(*r)});
}

void system::set_queue_paused(core::user_id user, bool paused, reply<bool> answer) {
  if (auto r = impl_->through_door(std::move(answer)))
    impl_->to_session(user, pause_ask{paused, std::move(*r)});
}

void system::wait_for_change(core::user_id user, core::job_id job, std::string etag,
                             std::chrono::milliseconds wait, reply<pinned_job_ptr> answer) {
  impl_->to_session(user, wait_ask{job, std::move(etag), wait, std::move(answer)});
}

void system::segment(core::unit_request request, reply<core::unit_output> answer) {
  if (impl_->shared->draining) {
    answer(draining_error());
    return;
  }
  const auto user = request.user;
  impl_->to_session(user,
                    segment_ask{std::make_shared<const core::unit_request>(std::move(request)),
                                std::move(answer)});
}

void system::running_images(core::user_id user, core::job_id job,
                            reply<std::vector<core::image_id>> answer) {
  impl_->to_session(user, running_ask{job, std::move(answer)});
}

void system::subscribe(core::user_id user, std::shared_ptr<event_sink> sink,
                       std::optional<std::int64_t> since) {
  impl_->to_session(user, subscribe_ask{std::move(sink), since});
}

void system::unsubscribe(core::user_id user, std::shared_ptr<event_sink> sink) {
  impl_->to_session(user, unsubscribe_ask{std::move(sink)});
}

void system::announce_quota(core::user_id user, core::quota_use use) {
  impl_->to_session(user, quota_ask{use});
}

void system::account_changed(core::user_id user, core::account_state state) {
  impl_->to_session(user, account_ask{state});
}

const job_board& system::board() const noexcept { return impl_->shared->board; }

void system::inspect(reply<supervisor_state> answer) {
  const std::lock_guard guard(impl_->handles);
  if (impl_->supervisor) caf::anon_send(impl_->supervisor, inspect_atom::value, std::move(answer));
}

void system::drain_device(std::string id, reply<device_state> answer) {
  impl_->use_device(std::move(id), false, std::move(answer));
}

void system::resume_device(std::string id, reply<device_state> answer) {
  impl_->use_device(std::move(id), true, std::move(answer));
}

system_counters system::counters() const {
  const auto& c = impl_->shared->counters;
  system_counters out{c.jobs_submitted,
                      c.jobs_ended,
                      c.units_done,
                      c.units_failed,
                      c.commits,
                      c.commands_committed,
                      c.commit_retries,
                      c.leases_granted,
                      c.leases_revoked,
                      c.sessions_alive,
                      {}};
  for (const auto& m : impl_->shared->meters)
    out.devices.push_back({m.id, m.units, static_cast<double>(m.busy_us) / 1e6});
  return out;
}

bool system::ready() const { return impl_->shared->usable_devices > 0; }
bool system::draining() const { return impl_->shared->draining; }

void system::drain(std::chrono::milliseconds grace) {
  auto& i = *impl_;
  {
    const std::lock_guard guard(i.handles);
    if (!i.registry) return;
    if (!i.shared->draining.exchange(true)) {
      caf::anon_send(i.supervisor, drain_atom::value);
      caf::anon_send(i.registry, drain_atom::value);
    }
  }
  const auto deadline = std::chrono::steady_clock::now() + grace;
  const auto busy = [&] { return i.shared->units_out > 0 || i.shared->results_pending > 0; };
  while (std::chrono::steady_clock::now() < deadline && busy())
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  if (busy()) spdlog::warn("units were still running at the end of the grace time; they run again");
}

void system::shutdown(std::chrono::milliseconds grace) {
  drain(grace);
  auto& i = *impl_;
  const std::lock_guard guard(i.handles);
  if (!i.registry) return;
  caf::anon_send_exit(i.registry, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(i.supervisor, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(i.persistence_handle, caf::exit_reason::user_shutdown);
  i.registry = nullptr;
  i.supervisor = nullptr;
  i.persistence_handle = nullptr;
  i.actor_system.reset();  // waits until every actor is gone
}

}  // namespace samovar::actors
