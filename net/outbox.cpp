#include "net/outbox.hpp"

#include <algorithm>
#include <utility>

#include "net/codec.hpp"

namespace samovar::net {

namespace {

bool coalesces(core::event_type t) {
  return t == core::event_type::job_progress || t == core::event_type::queue_position ||
         t == core::event_type::quota_changed;
}

/// What a waiting frame keeps: its text, the item and the index entry around it.
constexpr std::size_t frame_overhead_bytes = 160;
std::string quota_fields(const core::quota_use& q) {
  return ",\"image_count\":" + std::to_string(q.image_count) +
         ",\"storage_bytes\":" + std::to_string(q.storage_bytes) +
         ",\"running_jobs\":" + std::to_string(q.running_jobs) +
         ",\"max_images\":" + std::to_string(q.max_images) +
         ",\"max_storage_mb\":" + std::to_string(q.max_storage_mb) +
         ",\"max_concurrent_jobs\":" + std::to_string(q.max_concurrent_jobs);
}

std::string render(const core::event& e) {
  std::string out = "{\"type\":\"";
  out += core::to_string(e.type);
  out += "\",\"seq\":" + std::to_string(e.seq);
  if (e.type == core::event_type::result_ready) {
    out += ",\"job_id\":\"" + core::to_string(e.about_job) + "\",\"image_id\":\"" +
           core::to_string(e.image) + "\",\"result_id\":\"" + core::to_string(e.result) + '"';
  } else if (e.job) {
    out += ",\"job\":";
    out += job_json(*e.job);
  }
  if (e.quota) out += quota_fields(*e.quota);
  out += '}';
  return out;
}

}  // namespace

// A long one counts as a quarter of the box: the frame of a job with ten thousand images is longer
// than the whole of it, and every such event would end in a resync.
std::size_t outbox::cost_of(const shared_text& text) const {
  return std::min(text->size(), bytes_max_ / 4) + frame_overhead_bytes;
}

shared_text event_text(const core::event_ptr& e) {
  thread_local std::weak_ptr<const core::event> last;
  thread_local shared_text text;
  if (last.lock() != e || !text) {
    text = std::make_shared<const std::string>(render(*e));
    last = e;
  }
  return text;
}

void outbox::append(item i) {
  bytes_ += cost_of(i.text);
  ++live_;
  if (i.coalesces) newest_[{i.type, i.job}] = first_ + items_.size();
  items_.push_back(std::move(i));
}

void outbox::push_plain(shared_text text) { append({std::move(text), {}, {}, false, true}); }

void outbox::drop_pending(core::event_type type, core::job_id job) {
  const auto it = newest_.find({type, job});
  if (it == newest_.end()) return;
  auto& old = items_[it->second - first_];
  bytes_ -= cost_of(old.text);
  --live_;
  old.text.reset();
  newest_.erase(it);
  // Replaced items at the front cost nothing; those in the middle are bounded here.
  while (!items_.empty() && !items_.front().text) {
    items_.pop_front();
    ++first_;
  }
}

void outbox::push(const core::event& e, shared_text text) {
  const bool replaces = coalesces(e.type);
  if (replaces) drop_pending(e.type, e.about_job);
  if (core::is_terminal(e.type)) {
    drop_pending(core::event_type::job_progress, e.about_job);
    drop_pending(core::event_type::queue_position, e.about_job);
  }
  if (bytes_ + cost_of(text) > bytes_max_ || items_.size() > bytes_max_ / 64) {
    overflow();
    return;
  }
  append({std::move(text), e.type, e.about_job, replaces, false});
}

void outbox::overflow() {
  shared_text hello;
  if (!items_.empty() && items_.front().keep) hello = std::move(items_.front().text);
  items_.clear();
  newest_.clear();
  first_ = 0;
  bytes_ = 0;
  live_ = 0;
  if (hello) push_plain(std::move(hello));
  push_resync();
}

void outbox::push_resync() {
  static const auto text = std::make_shared<const std::string>("{\"type\":\"resync\"}");
  append({text, {}, {}, false, false});
}

shared_text outbox::pop() {
  while (!items_.empty()) {
    item i = std::move(items_.front());
    if (i.coalesces && i.text) newest_.erase({i.type, i.job});
    items_.pop_front();
    ++first_;
    if (!i.text) continue;
    bytes_ -= cost_of(i.text);
    --live_;
    return std::move(i.text);
  }
  return nullptr;
}

}  // namespace samovar::net
