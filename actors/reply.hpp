// A one-shot answer that cannot get lost.
//
// CAF tells nobody when an actor dies with a taken promise, and never cancels a request's timer. So
// asks that come from outside carry a `reply`: the first `operator()` wins, later ones are ignored,
// and when the last copy is destroyed unanswered (mailbox dropped, actor died) it answers with
// `unavailable`. The callback runs on the thread that answers; it must be quick and must not throw.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "core/errors.hpp"

namespace samovar::actors {

template <class T>
class reply {
 public:
  using callback = std::function<void(core::outcome<T>)>;

  reply() = default;
  explicit reply(callback f) : state_(std::make_shared<state>(std::move(f))) {}

  void operator()(core::outcome<T> value) const {
    if (state_) state_->answer(std::move(value));
  }
  explicit operator bool() const noexcept { return state_ != nullptr; }

 private:
  struct state {
    explicit state(callback f) : call(std::move(f)) {}
    ~state() {
      answer(core::make_error(core::error_code::unavailable,
                              "The server could not answer in time; please try again"));
    }
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    void answer(core::outcome<T> value) {
      if (!answered.exchange(true)) call(std::move(value));
    }
    std::atomic<bool> answered{false};
    callback call;
  };
  std::shared_ptr<state> state_;
};

}  // namespace samovar::actors
