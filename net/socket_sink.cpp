#include "net/socket_sink.hpp"

#include <utility>

#include "core/limits.hpp"
#include "net/codec.hpp"

namespace samovar::net {

namespace limits = core::limits;

namespace {

shared_text job_text(const actors::pinned_job& job) {
  auto text = job.rendered();
  if (!text) {
    text = std::make_shared<const std::string>(job_json(job.view()));
    job.remember(text);
  }
  return text;
}

}  // namespace

socket_sink::socket_sink(std::size_t outbox_bytes_max, std::function<void()> wake,
                         std::function<void()> close)
    : bytes_max_(outbox_bytes_max),
      box_(outbox_bytes_max),
      wake_(std::move(wake)),
      close_(std::move(close)) {}

/// The wake-up is posted under the lock, so that it cannot come after detach().
template <class Push>
void socket_sink::put(Push push) {
  const std::lock_guard lock(mutex_);
  if (detached_) return;
  push(box_);
  if (armed_) return;
  armed_ = true;
  wake_();
}

void socket_sink::hello(std::int64_t seq, const std::vector<actors::pinned_job_ptr>& jobs) {
  std::string text = "{\"type\":\"hello\",\"seq\":" + std::to_string(seq) + ",\"jobs\":[";
  std::size_t told = 0;
  for (const auto& job : jobs) {
    const auto one = job_text(*job);
    if (told == limits::hello_jobs_max || text.size() + one->size() > bytes_max_ / 2) break;
    if (told++ > 0) text += ',';
    text += *one;
  }
  const bool whole = told == jobs.size();
  text += whole ? "]}" : "],\"truncated\":true}";
  auto shared = std::make_shared<const std::string>(std::move(text));
  put([&](outbox& box) {
    box.push_plain(std::move(shared));
    // Who takes no notice of "truncated" reloads all the same.
    if (!whole) box.push_resync();
  });
}

void socket_sink::deliver(const core::event_ptr& e) {
  auto text = event_text(e);
  put([&](outbox& box) { box.push(*e, std::move(text)); });
}

void socket_sink::resync(std::int64_t) {
  put([](outbox& box) { box.push_resync(); });
}

void socket_sink::closed() { close_soon(); }

void socket_sink::close_soon() {
  const std::lock_guard lock(mutex_);
  if (detached_ || std::exchange(close_asked_, true)) return;
  close_();
}

shared_text socket_sink::take() {
  const std::lock_guard lock(mutex_);
  auto text = box_.pop();
  if (!text) armed_ = false;
  return text;
}

void socket_sink::detach() {
  const std::lock_guard lock(mutex_);
  detached_ = true;
  wake_ = {};
  close_ = {};
}

std::size_t socket_sink::pending_bytes() const {
  const std::lock_guard lock(mutex_);
  return box_.bytes();
}

}  // namespace samovar::net
