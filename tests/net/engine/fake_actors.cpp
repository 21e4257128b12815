// A fake actors::system: it remembers who subscribed and says hello. Defining every member here
// keeps the real one, with CAF, out of this program.
#include "fakes.hpp"

namespace samovar::actors {

struct system::impl {
  job_board board;
};

namespace {
std::mutex guard;
std::vector<std::pair<core::user_id, std::shared_ptr<event_sink>>> sinks;
}  // namespace

system::system(system_config, core::job_log&) : impl_(std::make_unique<impl>()) {}
system::~system() = default;
void system::submit(core::create_job, reply<submit_answer>) {}
void system::cancel(core::user_id, core::job_id, reply<pinned_job_ptr>) {}
void system::set_priority(core::user_id, core::job_id, std::int32_t, reply<pinned_job_ptr>) {}
void system::set_queue_paused(core::user_id, bool, reply<bool>) {}
void system::wait_for_change(core::user_id, core::job_id, std::string, std::chrono::milliseconds,
                             reply<pinned_job_ptr>) {}
void system::running_images(core::user_id, core::job_id, reply<std::vector<core::image_id>>) {}

void system::subscribe(core::user_id user, std::shared_ptr<event_sink> sink,
                       std::optional<std::int64_t> since) {
  {
    const std::lock_guard lock(guard);
    sinks.emplace_back(user, sink);
  }
  sink->hello(7, {});
  if (since) sink->resync(7);
}

void system::unsubscribe(core::user_id, std::shared_ptr<event_sink> sink) {
  const std::lock_guard lock(guard);
  std::erase_if(sinks, [&](const auto& s) { return s.second == sink; });
}

void system::announce_quota(core::user_id, core::quota_use) {}
void system::account_changed(core::user_id, core::account_state) {}
const job_board& system::board() const noexcept { return impl_->board; }
void system::inspect(reply<supervisor_state>) {}
void system::drain_device(std::string, reply<device_state>) {}
void system::resume_device(std::string, reply<device_state>) {}
system_counters system::counters() const { return {}; }
bool system::ready() const { return true; }
bool system::draining() const { return false; }
void system::shutdown(std::chrono::milliseconds) {}

}  // namespace samovar::actors

namespace samovar::tests {

std::vector<std::shared_ptr<actors::event_sink>> sinks_of(core::user_id user) {
  const std::lock_guard lock(actors::guard);
  std::vector<std::shared_ptr<actors::event_sink>> out;
  for (const auto& [id, sink] : actors::sinks)
    if (id == user) out.push_back(sink);
  return out;
}

}  // namespace samovar::tests
