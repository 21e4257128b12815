#include "core/lease_table.hpp"

#include <algorithm>

namespace samovar::core {

void lease_table::device_up(std::size_t device) {
  auto& d = devices_[device];
  d.usable = true;
  d.draining = false;
}

std::vector<lease> lease_table::device_down(std::size_t device) {
  devices_[device].usable = false;
  std::vector<lease> ended;
  for (auto it = leases_.begin(); it != leases_.end();) {
    if (it->second.device == device) {
      ended.push_back(it->second);
      it = leases_.erase(it);
    } else {
      ++it;
    }
  }
  devices_[device].batch = 0;
  devices_[device].clicks = 0;
  return ended;
}

void lease_table::drain(std::size_t device) { devices_[device].draining = true; }

bool lease_table::has_room(const slot_use& d, lane kind) const noexcept {
  if (!d.usable || d.draining || d.taken() > slots_per_device_) return false;
  return kind == lane::interactive || d.batch + std::max(d.clicks - 1, 0) < slots_per_device_;
}

std::optional<std::size_t> lease_table::free_device(lane kind,
                                                    std::optional<std::size_t> near) const {
  if (near) {
    const auto at = devices_.find(*near);
    if (at != devices_.end() && has_room(at->second, kind)) return near;
  }
  std::optional<std::size_t> best;
  int best_taken = 0;
  for (const auto& [index, d] : devices_)
    if (has_room(d, kind) && (!best || d.taken() < best_taken)) {
      best = index;
      best_taken = d.taken();
    }
  return best;
}

lease lease_table::grant(user_id user, std::size_t device, tick deadline, lane kind) {
  auto& d = devices_[device];
  ++(kind == lane::interactive ? d.clicks : d.batch);
  const lease granted{next_token_++, device, user, deadline, kind};
  leases_.emplace(granted.token, granted);
  return granted;
}

void lease_table::renew_device(std::size_t device, tick deadline) {
  for (auto& [token, l] : leases_)
    if (l.device == device) l.deadline = deadline;
}

std::optional<lease> lease_table::end(std::int64_t token) {
  const auto it = leases_.find(token);
  if (it == leases_.end()) return std::nullopt;
  const auto ended = it->second;
  leases_.erase(it);
  auto& d = devices_[ended.device];
  --(ended.kind == lane::interactive ? d.clicks : d.batch);
  return ended;
}

std::vector<lease> lease_table::end_of_user(user_id user) {
  std::vector<lease> ended;
  for (const auto& [token, l] : leases_)
    if (l.user == user) ended.push_back(l);
  for (const auto& l : ended) end(l.token);
  return ended;
}

std::vector<lease> lease_table::expired(tick now) const {
  std::vector<lease> out;
  for (const auto& [token, l] : leases_)
    if (l.deadline <= now) out.push_back(l);
  return out;
}

int lease_table::leases_on(std::size_t device) const {
  const auto it = devices_.find(device);
  return it == devices_.end() ? 0 : it->second.taken();
}

}  // namespace samovar::core
