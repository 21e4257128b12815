#include "core/event_log.hpp"

#include "core/limits.hpp"

namespace samovar::core {

event_ptr event_log::append(event e) {
  e.seq = ++last_seq_;
  auto kept = std::make_shared<const event>(std::move(e));
  events_.push_back(kept);
  if (events_.size() > limits::event_ring_events_max) {
    oldest_before_ = events_.front()->seq;
    events_.pop_front();
  }
  return kept;
}

std::optional<std::vector<event_ptr>> event_log::since(std::int64_t since) const {
  if (since < oldest_before_ || since > last_seq_) return std::nullopt;
  std::vector<event_ptr> out;
  for (const auto& e : events_)
    if (e->seq > since) out.push_back(e);
  return out;
}

}  // namespace samovar::core
