// What an import did, as text for the operator.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "storage/import_source.hpp"

namespace samovar::storage {

struct import_counts_of_kind {
  std::int64_t found = 0;     ///< rows in the source
  std::int64_t imported = 0;  ///< written by this run (with dry_run: would be)
  std::int64_t present = 0;   ///< brought by an earlier run
  std::int64_t left_out = 0;  ///< with a reason in the notes
};

class import_report {
 public:
  import_counts_of_kind& operator[](import_kind kind) { return kinds_[std::size_t(kind)]; }
  const import_counts_of_kind& operator[](import_kind kind) const {
    return kinds_[std::size_t(kind)];
  }
  /// Something an operator should know about one row. All are counted, the first few hundred kept.
  void note(const std::string& what);
  /// A disagreement between source and target.
  void differs(const std::string& what);
  bool verified() const { return differences_ == 0; }

  bool dry_run = false;
  std::string finished_before;  ///< when an earlier run had finished; nothing was left to do
  std::int64_t verified_rows = 0, verified_files = 0;
  std::int64_t without_pixels = 0;      ///< images whose file is missing, taken all the same
  std::int64_t from_mask = 0;           ///< results rebuilt from the union mask
  std::int64_t failed_jobs = 0;         ///< unfinished ones that became failed
  std::int64_t requeued_jobs = 0;       ///< unfinished ones that wait again
  std::int64_t unrecorded_prompts = 0;  ///< jobs without a usable snapshot
  std::vector<std::string> quotas;      ///< which are exceeded now

  std::string text() const;

 private:
  std::array<import_counts_of_kind, 5> kinds_{};
  std::vector<std::string> notes_, disagreements_;
  std::int64_t notes_count_ = 0, differences_ = 0;
};

}  // namespace samovar::storage
