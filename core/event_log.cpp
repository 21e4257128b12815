#include "core/event_log.hpp"

#include "core/limits.hpp"

namespace samovar::core {

namespace {

bool kept_once(event_type t) {
  return t == event_type::job_progress || t == event_type::queue_position;
}

}  // namespace

void event_log::drop_older(event_type type, job_id job) {
  const auto old = newest_.find({job, type});
  if (old == newest_.end()) return;
  events_.erase(old->second);
  newest_.erase(old);
}

event_ptr event_log::append(event e) {
  e.seq = ++last_seq_;
  auto kept = std::make_shared<const event>(std::move(e));
  if (kept_once(kept->type)) {
    drop_older(kept->type, kept->about_job);
    newest_[{kept->about_job, kept->type}] = kept->seq;
  } else if (is_terminal(kept->type)) {
    drop_older(event_type::job_progress, kept->about_job);
    drop_older(event_type::queue_position, kept->about_job);
  }
  events_.emplace_hint(events_.end(), kept->seq, kept);
  if (events_.size() > limits::event_ring_events_max) {
    const auto oldest = events_.begin();
    oldest_before_ = oldest->first;
    if (kept_once(oldest->second->type))
      newest_.erase({oldest->second->about_job, oldest->second->type});
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
