// core::job_log on PostgreSQL: group commit (data.md, Writes).
#pragma once

#include <array>
#include <functional>
#include <memory>

#include "core/ports.hpp"
#include "storage/pool.hpp"

namespace samovar::storage {

class member_cache;

/// Of a statement for a whole batch, which nobody waits for at a screen.
inline constexpr std::chrono::seconds batch_statement_max{60};

/// Two connections of its own, made on demand and again after a loss. One thread at a time.
/// A batch costs two round trips whatever its size: begin with all reads, all writes with commit.
/// A large one of several users is two transactions side by side, each user's commands in one of
/// them.
class postgres_job_log final : public core::job_log {
 public:
  explicit postgres_job_log(std::string app_conninfo, std::shared_ptr<hang_watch> watch = nullptr,
                            std::chrono::seconds limit = batch_statement_max);
  ~postgres_job_log() override;

  std::int64_t begin_epoch() override;
  std::vector<core::write_outcome> commit(std::span<const core::write_command> commands) override;
  std::vector<core::open_job> take_open_jobs(std::optional<core::user_id> user) override;

  /// For tests: called before each commit with the number of commands in the transaction; what it
  /// throws fails the transaction.
  void before_commit(std::function<void(std::size_t)> hook) { hook_ = std::move(hook); }
  /// For tests: a transaction may write fewer bytes than PostgreSQL would take at once.
  void limit_bytes(std::size_t max) { bytes_max_ = max; }

 private:
  using positions = std::vector<std::size_t>;
  using outcomes = std::vector<core::write_outcome>;
  static constexpr std::size_t lane_count = 2;
  /// A thread works on one lane at a time.
  struct lane {
    std::unique_ptr<connection> link;
    std::unique_ptr<member_cache> members;  ///< of the jobs of this lane's users
  };

  connection& ready_connection(lane& l);
  lane& lane_of(core::user_id user);
  /// Sets the outcomes at `which`.
  void commit_part(lane& l, std::span<const core::write_command> commands, const positions& which,
                   outcomes& out);
  /// `given_before`: what the commands would create may be there already.
  void commit_together(lane& l, std::span<const core::write_command> commands, positions which,
                       bool given_before, outcomes& out);
  void commit_alone(lane& l, std::span<const core::write_command> commands, std::size_t position,
                    outcomes& out);

  std::string conninfo_;
  std::shared_ptr<hang_watch> watch_;
  const std::chrono::seconds limit_;
  std::array<lane, lane_count> lanes_;
  std::int64_t epoch_ = 0;
  /// PostgreSQL ends a connection that sends it 1 GiB at once, which looks like any lost one and
  /// would be tried for ever.
  std::size_t bytes_max_ = 512 * 1024 * 1024;
  std::function<void(std::size_t)> hook_;
};

}  // namespace samovar::storage
