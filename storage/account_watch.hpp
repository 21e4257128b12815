// Hears of every change to accounts that any process commits on this database (LISTEN/NOTIFY).
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/accounts.hpp"
#include "storage/hang_watch.hpp"

namespace samovar::storage {

class account_watch {
 public:
  using callback = std::function<void(const core::account_change&)>;

  /// Own connection, own thread; `changed` is called there, within milliseconds of the commit. When
  /// the connection was lost, `everything` is told once it is back: word of changes in between may
  /// have been missed. When `changed` throws core::store_unavailable it is told the same again,
  /// with growing pauses (0.25 to 8 s), before anything later. What else it throws is logged.
  /// `heartbeat`: how often the connection is asked whether it still answers.
  account_watch(std::string app_conninfo, callback changed,
                std::shared_ptr<hang_watch> hangs = nullptr,
                std::chrono::seconds heartbeat = std::chrono::seconds(30));
  ~account_watch();
  account_watch(const account_watch&) = delete;
  account_watch& operator=(const account_watch&) = delete;

 private:
  void run(const std::stop_token& stop);
  void listen(const std::stop_token& stop, bool again);
  bool tell_all(const std::stop_token& stop, std::vector<core::account_change>& heard);
  void tell(const core::account_change& change);

  const std::string conninfo_;
  const std::shared_ptr<hang_watch> hangs_;
  const callback changed_;
  const std::chrono::seconds heartbeat_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

/// What a notification's text says; nullopt for a text of another version.
std::optional<core::account_change> parse_account_change(std::string_view payload);

}  // namespace samovar::storage
