// The answer a handler owes: the first one counts; none at all becomes a 500.
#pragma once

#include <atomic>
#include <memory>

#include "net/http_session.hpp"

namespace samovar::net {

class pending_reply {
 public:
  pending_reply(std::shared_ptr<io_thread> io, std::shared_ptr<http_session> session,
                std::string request_id)
      : io_(std::move(io)), session_(std::move(session)), request_id_(std::move(request_id)) {}
  ~pending_reply();
  pending_reply(const pending_reply&) = delete;
  pending_reply& operator=(const pending_reply&) = delete;
  /// Any thread.
  void answer(reply r);

 private:
  std::shared_ptr<io_thread> io_;  ///< outlives the session
  std::shared_ptr<http_session> session_;
  std::string request_id_;
  std::atomic<bool> answered_{false};
};

}  // namespace samovar::net
