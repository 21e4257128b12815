// A user's recent events, for sockets that come back with `since` (scheduling.md, Events).
// Bounded by count; numbers events from first_seq(epoch) upwards. Of a job's progress only the
// newest is kept: the older ones say nothing more, and each holds the whole job.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/events.hpp"

namespace samovar::core {

class event_log {
 public:
  /// `last_seq`: the number before the first event to come.
  explicit event_log(std::int64_t last_seq) : last_seq_(last_seq), oldest_before_(last_seq) {}

  /// Numbers the event, keeps it, and returns it.
  event_ptr append(event e);
  std::int64_t last_seq() const noexcept { return last_seq_; }
  /// The events after `since`, oldest first; nullopt when some of them are gone or `since` was
  /// never given out (then the client must reload).
  std::optional<std::vector<event_ptr>> since(std::int64_t since) const;

 private:
  std::int64_t last_seq_;
  std::int64_t oldest_before_;  ///< replay is possible from this number on
  std::map<std::int64_t, event_ptr> events_;
  std::unordered_map<job_id, std::int64_t> last_progress_;
};

}  // namespace samovar::core
