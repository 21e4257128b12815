#include "core/job_queue.hpp"

#include <algorithm>
#include <set>

#include "core/limits.hpp"

namespace samovar::core {

job_queue::tracked* job_queue::get(job_id id) {
  const auto it = jobs_.find(id);
  return it == jobs_.end() ? nullptr : &it->second;
}

const job_queue::tracked* job_queue::get(job_id id) const {
  const auto it = jobs_.find(id);
  return it == jobs_.end() ? nullptr : &it->second;
}

std::int64_t job_queue::open_units(const tracked& t) {
  return static_cast<std::int64_t>(t.waiting.size() + t.running.size() + t.writing.size());
}

void job_queue::take_place(const tracked& t) {
  (t.active ? active_ : queued_)
      .insert(key_of(t.record), static_cast<std::int64_t>(t.waiting.size()));
  if (t.active) active_open_ += open_units(t);
}

void job_queue::leave_place(const tracked& t) {
  (t.active ? active_ : queued_).erase(key_of(t.record));
  if (t.active) active_open_ -= open_units(t);
}

void job_queue::add(job record, std::shared_ptr<const job_inputs> inputs,
                    const std::vector<image_id>& ended) {
  const auto id = record.id;
  if (jobs_.contains(id) || is_terminal(record.status)) return;
  tracked t;
  const std::set<image_id> done(ended.begin(), ended.end());
  for (std::size_t i = 0; i < record.image_ids.size(); ++i)
    if (!done.contains(record.image_ids[i])) t.waiting.push_back(i);
  t.active = record.status == job_status::running;
  t.inputs = std::move(inputs);
  t.record = std::move(record);
  take_place(t);
  jobs_.emplace(id, std::move(t));
}

void job_queue::update(const job& record) {
  auto* t = get(record.id);
  if (t == nullptr || record.version < t->record.version) return;
  leave_place(*t);
  if (is_terminal(record.status)) {
    jobs_.erase(record.id);
    return;
  }
  auto ids = std::move(t->record.image_ids);
  auto names = std::move(t->record.image_filenames);
  t->record = record;
  t->record.image_ids = std::move(ids);  // these never change, and commits don't repeat them
  t->record.image_filenames = std::move(names);
  take_place(*t);
}

const job_queue::tracked* job_queue::next() const {
  if (paused_) return nullptr;
  const auto* best = active_.first_to_do();
  if (active_.size() < static_cast<std::size_t>(max_concurrent_jobs_)) {
    const auto* starts = queued_.first_to_do();
    if (best == nullptr || (starts != nullptr && *starts < *best)) best = starts;
  }
  return best == nullptr ? nullptr : get(std::get<2>(*best));
}

std::optional<image_id> job_queue::next_image() const {
  const auto* t = next();
  if (t == nullptr) return std::nullopt;
  return t->record.image_ids[t->waiting.front()];
}

std::optional<job_queue::unit> job_queue::take() {
  const auto* found = next();
  if (found == nullptr) return std::nullopt;
  auto* best = get(found->record.id);
  const bool starts = !best->active;
  leave_place(*best);
  best->active = true;
  const auto index = best->waiting.front();
  best->waiting.pop_front();
  const auto image = best->record.image_ids[index];
  best->running.emplace(image, index);
  take_place(*best);
  return unit{best->record.id, image, index, attempt_of(best->record.id, image), starts};
}

bool job_queue::put_back(job_id job, image_id image, bool counts_as_attempt) {
  auto* t = get(job);
  if (t == nullptr) return false;
  const auto it = t->running.find(image);
  if (it == t->running.end()) return false;
  const auto index = it->second;
  leave_place(*t);
  t->running.erase(it);
  const bool waits = put_back(*t, image, index, counts_as_attempt);
  take_place(*t);
  return waits;
}

bool job_queue::put_back(tracked& t, image_id image, std::size_t index, bool counts_as_attempt) {
  if (t.stopped) return false;
  if (counts_as_attempt) {
    auto& attempts = t.attempts.try_emplace(image, 1).first->second;
    if (attempts >= limits::unit_attempts_max) {
      t.writing.emplace(image, index);
      return false;
    }
    ++attempts;
  }
  t.waiting.push_front(index);
  return true;
}

bool job_queue::finished(job_id job, image_id image) {
  auto* t = get(job);
  if (t == nullptr) return false;
  const auto it = t->running.find(image);
  if (it == t->running.end()) return false;
  t->writing.emplace(image, it->second);
  t->running.erase(it);
  return true;
}

void job_queue::written(job_id job, image_id image) {
  if (auto* t = get(job)) {
    leave_place(*t);
    t->writing.erase(image);
    t->attempts.erase(image);
    take_place(*t);
  }
}

void job_queue::stop(job_id job) {
  if (auto* t = get(job)) {
    leave_place(*t);
    t->stopped = true;
    t->waiting.clear();
    take_place(*t);
  }
}

void job_queue::let_go(job_id job) {
  const auto* t = get(job);
  if (t == nullptr) return;
  leave_place(*t);
  jobs_.erase(job);
}

std::int64_t job_queue::demand() const {
  if (paused_) return 0;
  const auto room =
      static_cast<std::int64_t>(max_concurrent_jobs_) - static_cast<std::int64_t>(active_.size());
  return active_.total().units + queued_.units_of_first(room);
}

std::vector<job_id> job_queue::waiting_order(std::size_t at_most) const {
  std::vector<job_id> out;
  for (const auto& waiting : queued_) {
    if (out.size() == at_most) break;
    out.push_back(std::get<2>(waiting.first));
  }
  return out;
}

std::optional<std::int32_t> job_queue::position_of(job_id job) const {
  const auto* t = get(job);
  if (t == nullptr || t->active) return std::nullopt;
  return queued_.before(key_of(t->record)).jobs;
}

std::int64_t job_queue::units_until_done(job_id job) const {
  const auto* mine = get(job);
  if (mine == nullptr) return 0;
  const auto own = mine->active ? 0 : open_units(*mine);  // of an active one they are in the sum
  return own + active_open_ + queued_.before(key_of(mine->record)).units;
}

std::optional<std::size_t> job_queue::first_running(job_id job) const {
  const auto* t = get(job);
  if (t == nullptr || t->running.empty()) return std::nullopt;
  std::size_t first = t->running.begin()->second;
  for (const auto& [image, index] : t->running) first = std::min(first, index);
  return first;
}

std::vector<image_id> job_queue::running_images(job_id job) const {
  std::vector<std::pair<std::size_t, image_id>> found;
  if (const auto* t = get(job))
    for (const auto& [image, index] : t->running) found.emplace_back(index, image);
  std::sort(found.begin(), found.end());
  std::vector<image_id> out;
  out.reserve(found.size());
  for (const auto& f : found) out.push_back(f.second);
  return out;
}

const job* job_queue::find(job_id id) const {
  const auto* t = get(id);
  return t == nullptr ? nullptr : &t->record;
}

const job_inputs* job_queue::inputs_of(job_id id) const {
  const auto* t = get(id);
  return t == nullptr ? nullptr : t->inputs.get();
}

std::int32_t job_queue::attempt_of(job_id job, image_id image) const {
  const auto* t = get(job);
  if (t == nullptr) return 1;
  const auto it = t->attempts.find(image);
  return it == t->attempts.end() ? 1 : it->second;
}

std::vector<job_id> job_queue::open_jobs(std::size_t at_most) const {
  std::vector<job_id> out;
  for (const auto& k : active_) {
    if (out.size() == at_most) return out;
    out.push_back(std::get<2>(k.first));
  }
  for (const auto id : waiting_order(at_most - out.size())) out.push_back(id);
  return out;
}

}  // namespace samovar::core
