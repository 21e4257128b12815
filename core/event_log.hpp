// A user's recent events, for sockets that come back with `since` (scheduling.md, Events).
// Bounded by count; numbers events from first_seq(epoch) upwards. Of a job's progress and of its
// queue positions only the newest is kept: the older ones say nothing more, and each holds the
// whole job.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
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
  void drop_older(event_type type, job_id job);

  std::int64_t last_seq_;
  std::int64_t oldest_before_;  ///< replay is possible from this number on
  std::map<std::int64_t, event_ptr> events_;
  std::map<std::pair<job_id, event_type>, std::int64_t> newest_;  ///< of those kept once a job
};

}  // namespace samovar::core
