// A short stop of all writes, so that a backup can take its snapshot and still be complete when it
// ends.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <string>

#include "core/time.hpp"

namespace samovar::storage {

/// Every table locked in SHARE mode: reading goes on, a write waits (far below its own time limit).
/// Getting the locks gives way whenever it would make others wait or deadlock, and is tried again.
class write_pause {
 public:
  static constexpr std::chrono::milliseconds held_max{2000};

  /// Tries for a few seconds; held() tells whether it came about.
  explicit write_pause(const std::string& conninfo);

  bool held() const { return transaction_ != nullptr; }
  /// Ends a pause that has lasted for held_max; call it often.
  void end_when_due();
  /// Ends the pause now. Afterwards until() is set.
  void end();
  /// No write was let through between the locks and this moment; nullopt when the locks were never
  /// had, or were lost.
  std::optional<core::timestamp> until() const { return until_; }
  std::chrono::milliseconds lasted() const { return lasted_; }

 private:
  bool try_lock();

  std::unique_ptr<pqxx::connection> connection_;
  std::unique_ptr<pqxx::work> transaction_;
  std::chrono::steady_clock::time_point since_;
  std::optional<core::timestamp> until_;
  std::chrono::milliseconds lasted_{0};
};

}  // namespace samovar::storage
