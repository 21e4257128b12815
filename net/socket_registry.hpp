// Which WebSockets are open, by whom and with what credential, so that they can be closed at once.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "core/accounts.hpp"

namespace samovar::net {

/// One open socket as others see it; any thread.
class closable {
 public:
  virtual ~closable() = default;
  virtual void close_soon() = 0;
};

class socket_registry {
 public:
  /// Removes its entry when destroyed.
  class ticket {
   public:
    ticket() = default;
    ticket(socket_registry& r, core::user_id user, std::uint64_t number)
        : registry_(&r), user_(user), number_(number) {}
    ticket(ticket&& o) noexcept { *this = std::move(o); }
    ticket& operator=(ticket&& o) noexcept {
      std::swap(registry_, o.registry_);
      std::swap(user_, o.user_);
      std::swap(number_, o.number_);
      return *this;
    }
    ~ticket() {
      if (registry_) registry_->remove(user_, number_);
    }

   private:
    socket_registry* registry_ = nullptr;
    core::user_id user_;
    std::uint64_t number_ = 0;
  };

  /// nullopt when the user has limits::sockets_per_user_max open.
  std::optional<ticket> add(const core::acting_user& actor, std::weak_ptr<closable> socket);
  void close_user(core::user_id id);
  void close_key(core::api_key_id id);
  void close_session(core::web_session_id id);
  void close_sessions_of(core::user_id id);  ///< those opened with a cookie
  std::size_t size() const;

 private:
  struct open_socket {
    std::optional<core::api_key_id> key;
    std::optional<core::web_session_id> session;
    std::weak_ptr<closable> socket;
  };
  void remove(core::user_id user, std::uint64_t number);
  void close_if(const std::function<bool(core::user_id, const open_socket&)>& p);

  mutable std::mutex mutex_;
  std::uint64_t next_ = 1;
  std::size_t size_ = 0;
  std::unordered_map<core::user_id, std::unordered_map<std::uint64_t, open_socket>> users_;
};

}  // namespace samovar::net
