#include "core/fair_scheduler.hpp"

#include <algorithm>

namespace samovar::core {

void fair_scheduler::enqueue(user_id user, const client& c) {
  if (!c.waits()) return;
  waiting_.insert(key_of(user, c));
  if (c.clicks > 0) clicking_.insert(key_of(user, c));
}

void fair_scheduler::dequeue(user_id user, const client& c) {
  waiting_.erase(key_of(user, c));
  clicking_.erase(key_of(user, c));
}

void fair_scheduler::add_demand(user_id user, std::int64_t delta, double weight, lane kind) {
  auto& c = clients_[user];
  dequeue(user, c);
  const bool waited = c.waits();
  c.weight = std::clamp(weight, 0.001, 1000.0);
  auto& wanted = kind == lane::interactive ? c.clicks : c.batch;
  wanted = std::max<std::int64_t>(wanted + delta, 0);
  if (!waited && c.waits()) {
    // Only a client with nothing out was idle; one that merely waits for its units keeps its time.
    if (c.leases_out == 0) c.virtual_us = std::max(c.virtual_us, floor_us_);
    c.waiting_since = ++arrivals_;
    c.passed = 0;
  }
  enqueue(user, c);
}

void fair_scheduler::set_near(user_id user, std::optional<std::size_t> device) {
  const auto it = clients_.find(user);
  if (it != clients_.end()) it->second.near = device;
}

bool fair_scheduler::click_waits() const noexcept {
  return !clicking_.empty() &&
         std::get<0>(*clicking_.begin()) <= floor_us_ + options_.interactive_ahead_us;
}

void fair_scheduler::take(user_id user, lane kind) {
  auto& c = clients_.at(user);
  floor_us_ = std::max(floor_us_, std::get<0>(*waiting_.begin()));
  dequeue(user, c);
  --(kind == lane::interactive ? c.clicks : c.batch);
  ++c.leases_out;
  c.charged_us += c.estimate_us;
  c.virtual_us += c.estimate_us / c.weight;
  c.waiting_since = ++arrivals_;
  c.passed = 0;
  enqueue(user, c);
}

std::optional<user_id> fair_scheduler::grant_click() {
  if (!click_waits()) return std::nullopt;
  const auto user = std::get<2>(*clicking_.begin());
  take(user, lane::interactive);
  return user;
}

user_id fair_scheduler::choose(std::size_t device) {
  const auto first = waiting_.begin();
  auto& in_turn = clients_.at(std::get<2>(*first));
  if (in_turn.near == device || in_turn.passed >= options_.passes_max) return std::get<2>(*first);
  const double latest = std::get<0>(*first) + options_.affinity_window_us;
  auto it = std::next(first);
  for (int looked = 1; looked < options_.candidates_max; ++looked, ++it) {
    if (it == waiting_.end() || std::get<0>(*it) > latest) break;
    if (clients_.at(std::get<2>(*it)).near != device) continue;
    ++in_turn.passed;
    return std::get<2>(*it);
  }
  return std::get<2>(*first);
}

std::optional<fair_scheduler::granted> fair_scheduler::grant(std::size_t device) {
  if (waiting_.empty()) return std::nullopt;
  granted out{choose(device)};
  if (clients_.at(out.user).clicks > 0) out.kind = lane::interactive;
  take(out.user, out.kind);
  return out;
}

std::optional<std::size_t> fair_scheduler::near_of_next(lane kind) const {
  const auto& queue = kind == lane::interactive ? clicking_ : waiting_;
  if (queue.empty()) return std::nullopt;
  return clients_.at(std::get<2>(*queue.begin())).near;
}

void fair_scheduler::returned(user_id user, double used_us) {
  const auto it = clients_.find(user);
  if (it == clients_.end() || it->second.leases_out == 0) return;
  auto& c = it->second;
  dequeue(user, c);
  const double charged = c.charged_us / c.leases_out;
  --c.leases_out;
  c.charged_us -= charged;
  c.virtual_us = std::max(c.virtual_us + (used_us - charged) / c.weight, 0.0);
  c.served_us += used_us;
  if (used_us > 0.0)
    c.estimate_us = c.estimate_us == 0.0 ? used_us : 0.75 * c.estimate_us + 0.25 * used_us;
  enqueue(user, c);
}

void fair_scheduler::remove(user_id user) {
  const auto it = clients_.find(user);
  if (it == clients_.end()) return;
  dequeue(user, it->second);
  clients_.erase(it);
}

std::vector<fair_scheduler::client_state> fair_scheduler::state() const {
  std::vector<client_state> out;
  for (const auto& [user, c] : clients_)
    if (c.waits() || c.leases_out > 0)
      out.push_back({user, c.batch + c.clicks, c.leases_out, c.served_us, c.weight});
  return out;
}

}  // namespace samovar::core
