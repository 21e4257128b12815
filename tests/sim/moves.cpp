// What happens to a server from outside: people, sockets, devices, faults.
#include <caf/all.hpp>

#include "tests/actors/fakes.hpp"
#include "tests/sim/world.hpp"

namespace samovar::sim {

using namespace samovar::actors;
using samovar::testing::numbered;

namespace {

core::image_id image_of(core::user_id user, int n) {
  return numbered<core::image_id>(user.value.bytes[15] * 1000 + n);
}

constexpr int images_of_a_user = 40;

}  // namespace

void world::ask(core::user_id user, session_ask a) {
  caf::anon_send(server_.registry, ask_atom::value, user,
                 std::make_shared<session_ask>(std::move(a)));
}

void world::something_happens() {
  const auto roll = below(100);
  if (roll < 40) return device_moves(shape_.faults);
  if (roll < 62) return pass_time();
  if (roll < 76) return submit();
  if (roll < 81) return cancel();
  if (roll < 83) return change_priority();
  if (roll < 84) return pause(any_user(), one_in(2));
  if (roll < 88) return click();
  if (roll < 91) return subscribe();
  if (roll < 93) return unsubscribe();
  if (!shape_.faults) return device_moves(false);
  if (roll < 95) return delete_image();
  if (roll < 97) {
    auto& d = (*server_.devices)[below(server_.devices->size())];
    d.hangs = !d.hangs && one_in(2);
    return;
  }
  if (roll < 98 && one_in(4)) return kill_session();
  if (one_in(40)) return kill_server();
  if (!dying_.empty() && one_in(4)) {
    auto old = std::move(dying_.back());
    dying_.pop_back();
    end_actors(old);
  }
}

void world::submit() {
  const auto user = any_user();
  core::create_job c;
  c.id = numbered<core::job_id>(next_id_++);
  c.user = user;
  c.priority = static_cast<std::int32_t>(below(3)) - 1;
  c.at = core::timestamp{std::chrono::microseconds{wall_us_}};
  const auto count = 1 + below(5);
  const auto first = below(images_of_a_user);
  for (std::uint64_t i = 0; i < count; ++i)
    c.image_ids.push_back(image_of(user, static_cast<int>((first + i) % images_of_a_user)));
  ++asks_open_;
  ask(user, submit_ask{c, reply<submit_answer>([this, c](core::outcome<submit_answer> r) {
                         --asks_open_;
                         if (!r.ok()) return;  // not acknowledged: it may exist or not
                         if (store_.find(c.id) == nullptr)
                           fail("a job was acknowledged that is not stored");
                         acknowledged_.emplace(c.id, c);
                         jobs_of_[c.user].push_back(c.id);
                         ++seen_.jobs;
                       })});
}

void world::cancel() {
  const auto user = any_user();
  const auto job = any_job_of(user);
  if (!job) return;
  ++asks_open_;
  ask(user, cancel_ask{*job, core::timestamp{std::chrono::microseconds{wall_us_}},
                       reply<pinned_job_ptr>([this, id = *job](core::outcome<pinned_job_ptr> r) {
                         --asks_open_;
                         if (!r.ok()) return;
                         if (store_.find(id)->status != core::job_status::cancelled)
                           fail("a cancel was acknowledged that is not stored");
                         cancel_acknowledged_.insert(id);
                       })});
}

void world::change_priority() {
  const auto user = any_user();
  const auto job = any_job_of(user);
  if (!job) return;
  ++asks_open_;
  ask(user,
      priority_ask{*job, static_cast<std::int32_t>(below(5)) - 2,
                   reply<pinned_job_ptr>([this](core::outcome<pinned_job_ptr>) { --asks_open_; })});
}

void world::pause(core::user_id user, bool paused) {
  ++asks_open_;
  ask(user, pause_ask{paused, reply<bool>([this](core::outcome<bool>) { --asks_open_; })});
}

void world::click() {
  const auto user = any_user();
  auto request = std::make_shared<core::unit_request>();
  request->user = user;
  request->image = image_of(user, static_cast<int>(below(images_of_a_user)));
  ++clicks_open_;
  ++seen_.clicks;
  ask(user, segment_ask{request, reply<core::unit_output>([this](core::outcome<core::unit_output>) {
                          --clicks_open_;
                        })});
}

void world::subscribe() {
  const auto user = any_user();
  auto socket = std::make_shared<observer>(*this, user);
  server_.sockets.push_back(socket);
  std::optional<std::int64_t> since;
  if (one_in(2)) since = newest_seq_[user] - static_cast<std::int64_t>(below(30));
  ask(user, subscribe_ask{socket, since});
}

void world::unsubscribe() {
  auto& sockets = server_.sockets;
  std::erase_if(sockets, [](const auto& s) { return !s->open; });
  if (sockets.empty()) return;
  const auto at = below(sockets.size());
  const auto socket = sockets[at];
  sockets.erase(sockets.begin() + static_cast<std::ptrdiff_t>(at));
  ask(any_user(), unsubscribe_ask{socket});  // the wrong user's session just doesn't know it
  for (int u = 1; u <= shape_.users; ++u) ask(numbered<core::user_id>(u), unsubscribe_ask{socket});
}

void world::delete_image() {
  const auto image = image_of(any_user(), static_cast<int>(below(images_of_a_user)));
  if (one_in(4))
    store_.refused_images.insert(image);
  else
    store_.deleted_images.insert(image);
}

void world::kill_session() {
  auto* registry = dynamic_cast<session_registry_actor::stateful_base<session_registry_state>*>(
      caf::actor_cast<caf::abstract_actor*>(server_.registry));
  auto& sessions = registry->state.sessions;
  if (sessions.empty()) return;
  auto at = sessions.begin();
  std::advance(at, static_cast<std::ptrdiff_t>(below(sessions.size())));
  ++seen_.session_deaths;
  missing_since_ms_.clear();
  caf::anon_send_exit(at->second.session, caf::exit_reason::kill);
}

void world::device_moves(bool faults) {
  const auto index = below(server_.devices->size());
  auto& d = (*server_.devices)[index];
  if (d.queue.empty() || (d.hangs && !calm_)) return;
  const auto u = d.queue.front();
  d.queue.pop_front();
  answer_unit(index, u, faults);
  if (faults && one_in(50)) {
    ++seen_.twice;
    answer_unit(index, u, faults);
  }
}

void world::answer_unit(std::size_t index, const unit_at_device& u, bool faults) {
  ++seen_.units;
  unit_outcome outcome = core::unit_output{{}, "sim/1", 1.0};
  if (faults && one_in(12)) outcome = core::unit_failure{"The device failed", true};
  if (faults && one_in(25)) outcome = core::unit_failure{"The image is broken", false};
  const double used_us = 100.0 * static_cast<double>(1 + below(50));
  caf::anon_send((*server_.devices)[index].supervisor, ran_atom::value, index, u.token, used_us);
  caf::anon_send(u.session, ran_atom::value, u.token,
                 std::make_shared<const unit_outcome>(std::move(outcome)));
}

}  // namespace samovar::sim
