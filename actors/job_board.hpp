// The board on which sessions pin the current state of their jobs, so that polls need no message.
//
// Written only by user_session actors (each only its own user's entries), read by any thread.
// Entries: every non-terminal job, and the newest limits::terminal_jobs_kept_max terminal ones a
// session touched. A miss means "ask the database".
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "core/ids.hpp"
#include "core/jobs.hpp"

namespace samovar::actors {

/// Immutable once pinned. `rendered` lets net cache the JSON text per published state: whoever
/// renders it first stores it with `remember`.
class pinned_job {
 public:
  explicit pinned_job(core::job_view v) : view_(std::move(v)), etag_(core::etag_of(view_)) {}

  const core::job_view& view() const noexcept { return view_; }
  const std::string& etag() const noexcept { return etag_; }
  std::shared_ptr<const std::string> rendered() const;
  void remember(std::shared_ptr<const std::string> json) const;

 private:
  core::job_view view_;
  std::string etag_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const std::string> json_;
};

using pinned_job_ptr = std::shared_ptr<const pinned_job>;

class job_board {
 public:
  void pin(pinned_job_ptr job);
  void unpin(core::job_id id);
  /// nullptr when not pinned or not this user's.
  pinned_job_ptr find(core::user_id user, core::job_id id) const;
  std::size_t size() const;

 private:
  struct shard {
    mutable std::mutex mutex;
    std::unordered_map<core::job_id, pinned_job_ptr> jobs;
  };
  static constexpr std::size_t shard_count = 16;
  shard& shard_of(core::job_id id) { return shards_[core::uuid_hash{}(id) % shard_count]; }
  const shard& shard_of(core::job_id id) const {
    return shards_[core::uuid_hash{}(id) % shard_count];
  }
  std::array<shard, shard_count> shards_;
};

}  // namespace samovar::actors
