#include "net/oidc_pending.hpp"

#include <algorithm>

#include "net/text.hpp"

namespace samovar::net {

namespace {

void count_down(std::unordered_map<std::string, std::size_t>& counts, const std::string& key) {
  const auto it = counts.find(key);
  if (it != counts.end() && --it->second == 0) counts.erase(it);
}

}  // namespace

void pending_sign_ins::forget(position p) {
  count_down(by_address_, p->entry.address);
  count_down(by_browser_, p->entry.binding);
  by_state_.erase(p->state);
  in_order_.erase(p);
}

void pending_sign_ins::forget_old(time now) {
  while (!in_order_.empty() && now - in_order_.front().at >= lifetime) forget(in_order_.begin());
}

void pending_sign_ins::add(const std::string& state, pending_sign_in entry, time now) {
  const std::lock_guard lock(mutex_);
  forget_old(now);
  if (const auto it = by_state_.find(state); it != by_state_.end()) forget(it->second);
  if (const auto it = by_address_.find(entry.address);
      it != by_address_.end() && it->second >= address_max_)
    forget(std::find_if(in_order_.begin(), in_order_.end(),
                        [&](const kept& k) { return k.entry.address == entry.address; }));
  if (in_order_.size() >= total_max_) forget(in_order_.begin());
  ++by_address_[entry.address];
  ++by_browser_[entry.binding];
  in_order_.push_back({state, std::move(entry), now});
  by_state_[state] = std::prev(in_order_.end());
}

std::optional<pending_sign_in> pending_sign_ins::take(const std::string& state,
                                                      const std::string& binding, time now) {
  const std::lock_guard lock(mutex_);
  forget_old(now);
  const auto it = by_state_.find(state);
  if (it == by_state_.end()) return std::nullopt;
  if (!equal_in_constant_time(it->second->entry.binding, binding)) return std::nullopt;
  auto entry = it->second->entry;
  forget(it->second);
  return entry;
}

bool pending_sign_ins::knows_browser(const std::string& binding, time now) {
  const std::lock_guard lock(mutex_);
  forget_old(now);
  return by_browser_.contains(binding);
}

std::size_t pending_sign_ins::size() const {
  const std::lock_guard lock(mutex_);
  return in_order_.size();
}

}  // namespace samovar::net
