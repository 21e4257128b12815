// core::job_log on PostgreSQL: group commit (data.md, Writes).
#pragma once

#include <functional>
#include <memory>

#include "core/ports.hpp"
#include "storage/pool.hpp"

namespace samovar::storage {

class member_cache;

/// One connection of its own, made on demand and again after a loss. One thread at a time.
/// A batch costs two round trips whatever its size: begin with all reads, all writes with commit.
class postgres_job_log final : public core::job_log {
 public:
  explicit postgres_job_log(std::string app_conninfo);
  ~postgres_job_log() override;

  std::int64_t begin_epoch() override;
  std::vector<core::write_outcome> commit(std::span<const core::write_command> commands) override;
  std::vector<core::open_job> take_open_jobs(std::optional<core::user_id> user) override;

  /// For tests: called before each commit with the number of commands in the transaction; what it
  /// throws fails the transaction.
  void before_commit(std::function<void(std::size_t)> hook) { hook_ = std::move(hook); }

 private:
  connection& ready_connection();
  /// `given_before`: some of the jobs to create may be there already.
  std::vector<core::write_outcome> commit_together(std::span<const core::write_command> commands,
                                                   bool given_before);
  core::write_outcome commit_alone(const core::write_command& command);

  std::string conninfo_;
  std::unique_ptr<connection> connection_;
  std::unique_ptr<member_cache> members_;
  std::int64_t epoch_ = 0;
  std::function<void(std::size_t)> hook_;
};

}  // namespace samovar::storage
