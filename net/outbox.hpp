// What waits to be written to one WebSocket: one queue in seq order (scheduling.md, Events).
//
// Newer progress of a job (and its queue position, and the quota) replaces the older pending one; a
// terminal event removes its job's pending progress; over the bound everything pending is dropped
// and one resync is sent instead. Pure, not thread-safe: the sink locks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "core/events.hpp"

namespace samovar::net {

using shared_text = std::shared_ptr<const std::string>;

/// The frame of an event: {"type":..,"seq":..,...}. The text of the event rendered last on this
/// thread is kept, because a session delivers one event to all its sockets in a row.
shared_text event_text(const core::event_ptr& e);

class outbox {
 public:
  /// `bytes_max` of memory for a reader that stalls: texts and what keeps them, and a quarter for
  /// the frame being written and the allocator's own. Of frames longer than a fifth of that there
  /// are at most four, and all sockets of a user share them.
  explicit outbox(std::size_t bytes_max) : bytes_max_(bytes_max - bytes_max / 4) {}

  /// A frame that is never dropped for size alone (hello).
  void push_plain(shared_text text);
  void push(const core::event& e, shared_text text);
  void push_resync();
  /// nullptr when there is nothing to write.
  shared_text pop();
  bool empty() const noexcept { return live_ == 0; }
  /// As they count.
  std::size_t bytes() const noexcept { return bytes_; }

 private:
  struct item {
    shared_text text;  ///< nullptr: was replaced
    core::event_type type{};
    core::job_id job;
    bool coalesces = false;
    bool keep = false;  ///< hello: survives an overflow
  };
  struct slot_key {
    core::event_type type{};
    core::job_id job;
    friend bool operator==(const slot_key&, const slot_key&) = default;
  };
  struct slot_hash {
    std::size_t operator()(const slot_key& k) const noexcept {
      return core::uuid_hash{}(k.job) * 31 + static_cast<std::size_t>(k.type);
    }
  };
  std::size_t cost_of(const shared_text& text) const;
  void append(item i);
  void drop_pending(core::event_type type, core::job_id job);
  void overflow();

  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::size_t live_ = 0;
  std::uint64_t first_ = 0;  ///< number of the item at the front
  std::deque<item> items_;
  std::unordered_map<slot_key, std::uint64_t, slot_hash> newest_;  ///< pending coalescing items
};

}  // namespace samovar::net
