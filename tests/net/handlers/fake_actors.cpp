#include "fake_actors.hpp"

namespace samovar::net::testing {

namespace {

std::unique_ptr<actor_script>& holder() {
  static std::unique_ptr<actor_script> current;
  return current;
}

struct no_log final : core::job_log {
  std::int64_t begin_epoch() override { return 1; }
  std::vector<core::write_outcome> commit(std::span<const core::write_command>) override {
    return {};
  }
  std::vector<core::open_job> take_open_jobs(std::optional<core::user_id>) override { return {}; }
};

}  // namespace

actor_script& script() { return *holder(); }

std::unique_ptr<actors::system> fake_system() {
  static no_log log;
  holder() = std::make_unique<actor_script>();
  return std::make_unique<actors::system>(actors::system_config{}, log);
}

}  // namespace samovar::net::testing

// The door's own methods, answered from the script. Defined here, so the real ones are not linked.
namespace samovar::actors {

using net::testing::script;

struct system::impl {};
system::system(system_config, core::job_log&) {}
system::~system() = default;

void system::submit(core::create_job job, reply<submit_answer> answer) {
  script().submitted.push_back(job);
  answer(script().on_submit(job));
}

namespace {

void answer_with(core::user_id user, core::job_id job, const reply<pinned_job_ptr>& answer) {
  if (script().failure) return answer(*script().failure);
  auto pinned = script().board.find(user, job);
  if (!pinned) return answer(core::make_error(core::error_code::not_found, "Job not found"));
  answer(std::move(pinned));
}

}  // namespace

void system::cancel(core::user_id user, core::job_id job, reply<pinned_job_ptr> answer) {
  script().cancelled.push_back(job);
  answer_with(user, job, answer);
}

void system::set_priority(core::user_id user, core::job_id job, std::int32_t priority,
                          reply<pinned_job_ptr> answer) {
  script().priorities.emplace_back(job, priority);
  answer_with(user, job, answer);
}

void system::set_queue_paused(core::user_id, bool paused, reply<bool> answer) {
  script().pauses.push_back(paused);
  if (script().failure) return answer(*script().failure);
  answer(bool{paused});
}

void system::wait_for_change(core::user_id, core::job_id job, std::string etag,
                             std::chrono::milliseconds wait, reply<pinned_job_ptr> answer) {
  script().waits.push_back({job, std::move(etag), wait, std::move(answer)});
}

void system::segment(core::unit_request request, reply<core::unit_output> answer) {
  script().clicks.push_back(std::move(request));
  if (script().failure) return answer(*script().failure);
  answer(script().click_output);
}

void system::running_images(core::user_id, core::job_id,
                            reply<std::vector<core::image_id>> answer) {
  if (script().failure) return answer(*script().failure);
  answer(script().running);
}

void system::subscribe(core::user_id, std::shared_ptr<event_sink>, std::optional<std::int64_t>) {}
void system::unsubscribe(core::user_id, std::shared_ptr<event_sink>) {}
void system::announce_quota(core::user_id, core::quota_use use) { script().quotas.push_back(use); }
void system::account_changed(core::user_id user, core::account_state state) {
  script().accounts.emplace_back(user, state);
}
const job_board& system::board() const noexcept { return script().board; }
void system::inspect(reply<supervisor_state> answer) {
  if (script().failure) return answer(*script().failure);
  answer(script().supervisor);
}
namespace {

void use_device(const std::string& id, bool use, const reply<device_state>& answer) {
  for (auto& d : script().supervisor.devices)
    if (d.id == id) {
      d.draining = !use;
      return answer(d);
    }
  answer(core::make_error(core::error_code::not_found, "Device not found"));
}

}  // namespace

void system::drain_device(std::string id, reply<device_state> answer) {
  use_device(id, false, answer);
}
void system::resume_device(std::string id, reply<device_state> answer) {
  use_device(id, true, answer);
}
system_counters system::counters() const { return {}; }
bool system::ready() const { return true; }
bool system::draining() const { return false; }
void system::shutdown(std::chrono::milliseconds) {}

}  // namespace samovar::actors
