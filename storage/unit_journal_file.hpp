// core::unit_journal in one small file of fixed records, written without fsync: it must outlive the
// process, not the machine.
#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "core/unit_journal.hpp"

namespace samovar::storage {

class unit_journal_file final : public core::unit_journal {
 public:
  /// Opens or makes `file` (0600) and counts a death for every unit that it shows at work. What
  /// can't be read as a record is dropped. Throws std::filesystem::filesystem_error when the file
  /// can't be opened.
  explicit unit_journal_file(const std::filesystem::path& file);
  ~unit_journal_file() override;
  unit_journal_file(const unit_journal_file&) = delete;
  unit_journal_file& operator=(const unit_journal_file&) = delete;

  void begin(core::job_id job, core::image_id image) override;
  void end(core::job_id job, core::image_id image) override;
  int deaths(core::job_id job, core::image_id image) const override;

 private:
  using unit = std::pair<core::job_id, core::image_id>;
  struct record {
    std::size_t slot = 0;
    int deaths = 0;
  };
  void write(std::size_t slot, const unit* u, bool at_work, int deaths) const;
  void read_left_over();

  mutable std::mutex mutex_;
  int file_ = -1;
  std::map<unit, record> known_;
  std::set<std::size_t> free_;
  std::atomic<bool> any_deaths_{false};
};

}  // namespace samovar::storage
