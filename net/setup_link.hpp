// The one-time token that creates the first administrator; it exists only while there is no user.
#pragma once

#include <mutex>
#include <string>

#include "core/ports.hpp"

namespace samovar::net {

/// Thread-safe. The token lives in memory only: a restart makes a new one.
class setup_link {
 public:
  setup_link(core::account_store& accounts, const core::secrets& secrets) {
    if (accounts.count_users() == 0) token_ = secrets.random_token();
  }
  /// Empty when set-up is done.
  std::string token() const {
    const std::lock_guard lock(mutex_);
    return token_;
  }
  void done() {
    const std::lock_guard lock(mutex_);
    token_.clear();
  }

 private:
  mutable std::mutex mutex_;
  std::string token_;
};

}  // namespace samovar::net
