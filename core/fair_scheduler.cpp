#include "core/fair_scheduler.hpp"

#include <algorithm>

namespace samovar::core {

void fair_scheduler::enqueue(user_id user, client& c) {
  c.waiting_since = ++arrivals_;
  waiting_.insert(key_of(user, c));
}

void fair_scheduler::dequeue(user_id user, const client& c) { waiting_.erase(key_of(user, c)); }

void fair_scheduler::add_demand(user_id user, std::int64_t delta, double weight) {
  auto& c = clients_[user];
  const bool waited = c.demand > 0;
  c.weight = std::clamp(weight, 0.001, 1000.0);
  c.demand = std::max<std::int64_t>(c.demand + delta, 0);
  if (waited && c.demand == 0) dequeue(user, c);
  if (!waited && c.demand > 0) {
    // Only a client with nothing out was idle; one that merely waits for its units keeps its time.
    if (c.leases_out == 0) c.virtual_us = std::max(c.virtual_us, floor_us_);
    enqueue(user, c);
  }
}

std::optional<user_id> fair_scheduler::grant() {
  if (waiting_.empty()) return std::nullopt;
  const auto user = std::get<2>(*waiting_.begin());
  auto& c = clients_.at(user);
  waiting_.erase(waiting_.begin());
  floor_us_ = std::max(floor_us_, c.virtual_us);
  --c.demand;
  ++c.leases_out;
  c.charged_us += c.estimate_us;
  c.virtual_us += c.estimate_us / c.weight;
  if (c.demand > 0) enqueue(user, c);
  return user;
}

void fair_scheduler::returned(user_id user, double used_us) {
  const auto it = clients_.find(user);
  if (it == clients_.end() || it->second.leases_out == 0) return;
  auto& c = it->second;
  const bool waits = c.demand > 0;
  if (waits) dequeue(user, c);
  const double charged = c.charged_us / c.leases_out;
  --c.leases_out;
  c.charged_us -= charged;
  c.virtual_us = std::max(c.virtual_us + (used_us - charged) / c.weight, 0.0);
  c.served_us += used_us;
  if (used_us > 0.0)
    c.estimate_us = c.estimate_us == 0.0 ? used_us : 0.75 * c.estimate_us + 0.25 * used_us;
  if (waits) waiting_.insert(key_of(user, c));
}

void fair_scheduler::remove(user_id user) {
  const auto it = clients_.find(user);
  if (it == clients_.end()) return;
  if (it->second.demand > 0) dequeue(user, it->second);
  clients_.erase(it);
}

bool fair_scheduler::others_wait(user_id user) const noexcept {
  if (waiting_.empty()) return false;
  if (waiting_.size() > 1) return true;
  return std::get<2>(*waiting_.begin()) != user;
}

std::vector<fair_scheduler::client_state> fair_scheduler::state() const {
  std::vector<client_state> out;
  for (const auto& [user, c] : clients_)
    if (c.demand > 0 || c.leases_out > 0)
      out.push_back({user, c.demand, c.leases_out, c.served_us, c.weight});
  return out;
}

}  // namespace samovar::core
