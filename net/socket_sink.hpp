// The thread-safe face of a WebSocket: session actors put events in, the socket takes them out.
//
// Coalescing happens here, before anything is posted, so that a slow reader costs a bounded outbox
// and never more than one wake-up in flight.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "actors/system.hpp"
#include "net/outbox.hpp"
#include "net/socket_registry.hpp"

namespace samovar::net {

class socket_sink final : public actors::event_sink, public closable {
 public:
  /// `wake` is called from any thread, at most once until take() found nothing; `close` once. Both
  /// only post.
  socket_sink(std::size_t outbox_bytes_max, std::function<void()> wake,
              std::function<void()> close);

  /// Of very many open jobs, or very long ones, only the first; then "truncated" and a resync.
  void hello(std::int64_t seq, const std::vector<actors::pinned_job_ptr>& jobs) override;
  void deliver(const core::event_ptr& e) override;
  void resync(std::int64_t seq) override;
  void closed() override;
  void close_soon() override;

  /// The next frame; nullptr when there is none (then the next event wakes again).
  shared_text take();
  /// From now on nothing is kept and nobody is woken.
  void detach();
  std::size_t pending_bytes() const;

 private:
  template <class Push>
  void put(Push push);

  const std::size_t bytes_max_;
  mutable std::mutex mutex_;
  outbox box_;
  bool armed_ = false;
  bool detached_ = false;
  bool close_asked_ = false;
  std::function<void()> wake_;
  std::function<void()> close_;
};

}  // namespace samovar::net
