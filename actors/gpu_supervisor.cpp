#include "actors/gpu_supervisor.hpp"

#include <spdlog/spdlog.h>
#include <algorithm>
#include <caf/all.hpp>
#include <map>
#include <set>

namespace samovar::actors {

namespace {

using self_pointer = gpu_supervisor_actor::stateful_pointer<gpu_supervisor_state>;

constexpr std::size_t busy_looks = 10;  // one a second

core::tick now_of(self_pointer self) {
  return std::chrono::duration_cast<core::tick>(self->clock().now().time_since_epoch());
}

struct next_lease {
  core::fair_scheduler::granted who;
  std::size_t device = 0;
};

// Clicks have a slot of their own on every device; all else goes by the users' shares.
std::optional<next_lease> next_grant(gpu_supervisor_state& s) {
  using core::lane;
  if (s.scheduler.click_waits()) {
    const auto near = s.scheduler.near_of_next(lane::interactive);
    if (const auto device = s.leases.free_device(lane::interactive, near))
      return next_lease{{*s.scheduler.grant_click(), lane::interactive}, *device};
  }
  const auto near = s.scheduler.near_of_next(lane::batch);
  const auto device = s.leases.free_device(lane::batch, near);
  if (!device) return std::nullopt;
  const auto who = s.scheduler.grant(*device);
  if (!who) return std::nullopt;
  return next_lease{*who, *device};
}

void grant_all(self_pointer self, const gpu_supervisor_config& config, context& shared) {
  auto& s = self->state;
  while (!s.draining) {
    const auto next = next_grant(s);
    if (!next) return;
    const auto& [who, device] = *next;
    const auto session = s.sessions.find(who.user);
    if (session == s.sessions.end()) {
      s.scheduler.remove(who.user);
      continue;
    }
    if (s.leases.leases_on(device) == 0) s.devices[device].unit_since = now_of(self);
    const auto lease =
        s.leases.grant(who.user, device, now_of(self) + config.lease_timeout, who.kind);
    ++shared.counters.leases_granted;
    self->send(session->second, grant_atom::value, lease, s.devices[device].worker);
  }
}

void count_usable(self_pointer self, context& shared) {
  const auto& all = self->state.devices;
  shared.usable_devices = static_cast<int>(std::count_if(all.begin(), all.end(), [](const auto& d) {
    return d.report.healthy && !d.report.draining;
  }));
}

void device_is_up(self_pointer self, std::size_t index, context& shared) {
  auto& d = self->state.devices[index];
  d.suspect = false;
  d.report.healthy = true;
  count_usable(self, shared);
  self->state.leases.device_up(index);
  if (d.report.draining) self->state.leases.drain(index);  // coming back ends no admin's drain
}

void device_is_down(self_pointer self, std::size_t index, context& shared) {
  auto& s = self->state;
  s.devices[index].report.healthy = false;
  count_usable(self, shared);
  // Leases come in the order of their tokens, and the device works in that order.
  bool at_work = true;
  for (const auto& lease : s.leases.device_down(index)) {
    s.scheduler.returned(lease.user, 0.0);
    ++shared.counters.leases_revoked;
    self->send(s.devices[index].worker, revoke_atom::value, lease.token);
    const auto session = s.sessions.find(lease.user);
    if (session != s.sessions.end())
      self->send(session->second, revoke_atom::value, lease.token, at_work);
    at_work = false;
  }
}

void unit_ended(self_pointer self, const gpu_supervisor_config& config, context& shared,
                std::size_t index, std::int64_t token, double used_us) {
  auto& s = self->state;
  auto& device = s.devices[index];
  device.unit_since = now_of(self);
  ++device.report.units_done;
  device.report.busy_seconds += used_us / 1e6;
  if (index < shared.meters.size()) {
    ++shared.meters[index].units;
    shared.meters[index].busy_us += static_cast<std::int64_t>(used_us);
  }
  if (const auto ended = s.leases.end(token)) s.scheduler.returned(ended->user, used_us);
  if (device.suspect) {
    spdlog::warn("gpu_supervisor: device {} answers again", device.report.id);
    device_is_up(self, index, shared);
  }
  s.leases.renew_device(index, now_of(self) + config.lease_timeout);
  grant_all(self, config, shared);
}

// Units are counted when they end, so one that is longer than the window shows afterwards.
void note_busy(self_pointer self) {
  for (auto& d : self->state.devices) {
    d.busy_then.emplace_back(now_of(self), d.report.busy_seconds);
    if (d.busy_then.size() > busy_looks) d.busy_then.pop_front();
  }
}

double busy_fraction(const supervised_device& d, core::tick now) {
  if (d.busy_then.empty()) return 0.0;
  const auto& [then, busy] = d.busy_then.front();
  const double seconds = std::chrono::duration<double>(now - then).count();
  return seconds <= 0.0 ? 0.0 : std::min((d.report.busy_seconds - busy) / seconds, 1.0);
}

// A stage of the model that ended is progress: a long image is no hanging device. One without end
// is.
void renew_working(self_pointer self, const gpu_supervisor_config& config) {
  auto& s = self->state;
  for (std::size_t i = 0; i < s.devices.size(); ++i) {
    const auto looks = config.devices[i].cancel->looks();
    if (looks == s.devices[i].looks) continue;
    s.devices[i].looks = looks;
    if (now_of(self) - s.devices[i].unit_since > config.unit_timeout) continue;
    s.leases.renew_device(i, now_of(self) + config.lease_timeout);
  }
}

void look_for_expired(self_pointer self, const gpu_supervisor_config& config, context& shared) {
  renew_working(self, config);
  for (const auto& lease : self->state.leases.expired(now_of(self))) {
    auto& device = self->state.devices[lease.device];
    if (device.suspect) continue;
    spdlog::error(
        "gpu_supervisor: device {} made no progress for {} s, or ended no image for {}; its leases "
        "are revoked",
        device.report.id, config.lease_timeout.count(), config.unit_timeout.count());
    device.suspect = true;
    device_is_down(self, lease.device, shared);
  }
  note_busy(self);
  grant_all(self, config, shared);
  self->delayed_send(self, std::chrono::seconds(1), expire_atom::value);
}

void device_loaded(self_pointer self, const gpu_supervisor_config& config, context& shared,
                   std::size_t index, const std::string& model, const std::string& reason) {
  auto& device = self->state.devices[index];
  if (reason.empty()) {
    device.report.model = model;
    device.load_failures = 0;
    device_is_up(self, index, shared);
    grant_all(self, config, shared);
    return;
  }
  device.load_failures = std::min(device.load_failures + 1, 6);
  const auto pause = std::chrono::seconds(1 << device.load_failures);
  spdlog::error("gpu_supervisor: device {} can't load its model ({}); next try in {} s",
                device.report.id, reason, pause.count());
  self->delayed_send(device.worker, pause, load_atom::value);
}

supervisor_state report(self_pointer self) {
  supervisor_state out;
  auto& s = self->state;
  for (std::size_t i = 0; i < s.devices.size(); ++i) {
    auto d = s.devices[i].report;
    d.leases_out = s.leases.leases_on(i);
    d.busy_fraction = busy_fraction(s.devices[i], now_of(self));
    out.devices.push_back(std::move(d));
  }
  std::map<core::user_id, std::set<std::size_t>> places;
  for (const auto& [token, lease] : s.leases.leases()) places[lease.user].insert(lease.device);
  for (const auto& c : s.scheduler.state()) {
    out.queue.push_back({c.user, c.demand, c.leases_out, c.served_us / 1e6, c.weight, {}});
    for (const auto device : places[c.user])
      out.queue.back().devices.push_back(s.devices[device].report.id);
  }
  return out;
}

// The session died or was reborn. Its leases end with it: one still on its way to it would be
// answered by nobody, and its device would seem to hang.
void forget_claims(self_pointer self, core::user_id user) {
  auto& s = self->state;
  s.scheduler.remove(user);
  for (const auto& lease : s.leases.end_of_user(user))
    self->send(s.devices[lease.device].worker, revoke_atom::value, lease.token);
}

void take_demand(self_pointer self, const session_demand& wanted, const lease_receiver& session) {
  auto& s = self->state;
  auto& known = s.sessions[wanted.user];
  if (known != session) {
    known = session;
    forget_claims(self, wanted.user);
    self->monitor(session);
  }
  s.scheduler.add_demand(wanted.user, wanted.batch_delta, wanted.weight);
  s.scheduler.add_demand(wanted.user, wanted.click_delta, wanted.weight, core::lane::interactive);
  s.scheduler.set_near(wanted.user, wanted.near);
}

// A device that is not healthy gets its leases only when it is up again: device_is_up.
void use_device(self_pointer self, const gpu_supervisor_config& config, context& shared,
                const std::string& id, bool use, const reply<device_state>& answer) {
  auto& s = self->state;
  const auto at = std::find_if(s.devices.begin(), s.devices.end(),
                               [&](const auto& d) { return d.report.id == id; });
  if (at == s.devices.end())
    return answer(core::make_error(core::error_code::not_found, "Device not found"));
  const auto index = static_cast<std::size_t>(at - s.devices.begin());
  at->report.draining = !use;
  count_usable(self, shared);
  spdlog::info("gpu_supervisor: device {} {}", id, use ? "is in use again" : "drains");
  if (!use)
    s.leases.drain(index);
  else if (at->report.healthy)
    s.leases.device_up(index);
  auto state = at->report;
  state.leases_out = s.leases.leases_on(index);
  state.busy_fraction = busy_fraction(*at, now_of(self));
  grant_all(self, config, shared);
  answer(std::move(state));
}

void forget_session(self_pointer self, const gpu_supervisor_config& config, context& shared,
                    const caf::actor_addr& address) {
  auto& s = self->state;
  for (auto it = s.sessions.begin(); it != s.sessions.end(); ++it)
    if (it->second.address() == address) {
      forget_claims(self, it->first);
      s.sessions.erase(it);
      grant_all(self, config, shared);
      return;
    }
}

}  // namespace

gpu_supervisor_actor::behavior_type gpu_supervisor(self_pointer self, gpu_supervisor_config config,
                                                   std::shared_ptr<context> shared) {
  auto& s = self->state;
  s.leases = core::lease_table(shared->epoch, config.slots_per_device);
  shared->devices = config.devices.size();
  for (std::size_t i = 0; i < config.devices.size(); ++i) {
    supervised_device d;
    d.report.id = config.devices[i].id;
    const auto me = caf::actor_cast<gpu_supervisor_actor>(self);
    d.worker = config.make_worker ? config.make_worker(i, me)
                                  : self->spawn<caf::detached + caf::linked>(
                                        device_worker, i, config.devices[i], me, shared->journal);
    self->send(d.worker, load_atom::value);
    s.devices.push_back(std::move(d));
  }
  self->set_down_handler(
      [=](const caf::down_msg& down) { forget_session(self, config, *shared, down.source); });
  self->delayed_send(self, std::chrono::seconds(1), expire_atom::value);
  return {
      [=](demand_atom, const session_demand& wanted, const lease_receiver& session) {
        take_demand(self, wanted, session);
        grant_all(self, config, *shared);
      },
      [=](unused_atom, std::int64_t token) {
        if (const auto ended = self->state.leases.end(token))
          self->state.scheduler.returned(ended->user, 0.0);
        grant_all(self, config, *shared);
      },
      [=](ran_atom, std::size_t index, std::int64_t token, double used_us) {
        unit_ended(self, config, *shared, index, token, used_us);
      },
      [=](loaded_atom, std::size_t index, const std::string& model, const std::string& reason) {
        device_loaded(self, config, *shared, index, model, reason);
      },
      [=](expire_atom) { look_for_expired(self, config, *shared); },
      [=](drain_atom) { self->state.draining = true; },
      [=](drain_atom, const std::string& id, bool use, const reply<device_state>& answer) {
        use_device(self, config, *shared, id, use, answer);
      },
      [=](inspect_atom, const reply<supervisor_state>& answer) { answer(report(self)); },
  };
}

}  // namespace samovar::actors
