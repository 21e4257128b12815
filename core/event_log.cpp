#include "core/event_log.hpp"

#include "core/limits.hpp"

namespace samovar::core {

event_ptr event_log::append(event e) {
  e.seq = ++last_seq_;
  auto kept = std::make_shared<const event>(std::move(e));
  if (kept->type == event_type::job_progress || is_terminal(kept->type)) {
    const auto old = last_progress_.find(kept->about_job);
    if (old != last_progress_.end()) {
      events_.erase(old->second);
      last_progress_.erase(old);
    }
    if (kept->type == event_type::job_progress) last_progress_[kept->about_job] = kept->seq;
  }
  events_.emplace_hint(events_.end(), kept->seq, kept);
  if (events_.size() > limits::event_ring_events_max) {
    const auto oldest = events_.begin();
    oldest_before_ = oldest->first;
    if (oldest->second->type == event_type::job_progress)
      last_progress_.erase(oldest->second->about_job);
    events_.erase(oldest);
  }
  return kept;
}

std::optional<std::vector<event_ptr>> event_log::since(std::int64_t since) const {
  if (since < oldest_before_ || since > last_seq_) return std::nullopt;
  std::vector<event_ptr> out;
  for (auto it = events_.upper_bound(since); it != events_.end(); ++it) out.push_back(it->second);
  return out;
}

}  // namespace samovar::core
