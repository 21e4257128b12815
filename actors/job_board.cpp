#include "actors/job_board.hpp"

namespace samovar::actors {

std::shared_ptr<const std::string> pinned_job::rendered() const {
  const std::lock_guard lock(mutex_);
  return json_;
}

void pinned_job::remember(std::shared_ptr<const std::string> json) const {
  const std::lock_guard lock(mutex_);
  json_ = std::move(json);
}

void job_board::pin(pinned_job_ptr job) {
  const auto id = job->view().record.id;
  auto& s = shard_of(id);
  const std::lock_guard lock(s.mutex);
  s.jobs[id].swap(job);  // the old one is destroyed after the lock is released
}

void job_board::unpin(core::job_id id) {
  pinned_job_ptr old;
  auto& s = shard_of(id);
  const std::lock_guard lock(s.mutex);
  const auto it = s.jobs.find(id);
  if (it == s.jobs.end()) return;
  old = std::move(it->second);
  s.jobs.erase(it);
}

pinned_job_ptr job_board::find(core::user_id user, core::job_id id) const {
  const auto& s = shard_of(id);
  const std::lock_guard lock(s.mutex);
  const auto it = s.jobs.find(id);
  if (it == s.jobs.end() || it->second->view().record.user != user) return nullptr;
  return it->second;
}

std::size_t job_board::size() const {
  std::size_t n = 0;
  for (const auto& s : shards_) {
    const std::lock_guard lock(s.mutex);
    n += s.jobs.size();
  }
  return n;
}

}  // namespace samovar::actors
