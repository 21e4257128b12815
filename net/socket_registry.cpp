#include "net/socket_registry.hpp"

#include <utility>
#include <vector>

#include "core/limits.hpp"

namespace samovar::net {

std::optional<socket_registry::ticket> socket_registry::add(const core::acting_user& actor,
                                                            std::weak_ptr<closable> socket) {
  const std::lock_guard lock(mutex_);
  auto& open = users_[actor.id];
  if (open.size() >= core::limits::sockets_per_user_max) return std::nullopt;
  const auto number = next_++;
  open.emplace(number, open_socket{actor.via_key, actor.via_session, std::move(socket)});
  ++size_;
  return ticket(*this, actor.id, number);
}

void socket_registry::remove(core::user_id user, std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  const auto it = users_.find(user);
  if (it == users_.end()) return;
  size_ -= it->second.erase(number);
  if (it->second.empty()) users_.erase(it);
}

void socket_registry::close_if(const std::function<bool(core::user_id, const open_socket&)>& p) {
  std::vector<std::shared_ptr<closable>> doomed;  // closed outside the lock
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [user, open] : users_)
      for (const auto& [number, s] : open)
        if (p(user, s))
          if (auto socket = s.socket.lock()) doomed.push_back(std::move(socket));
  }
  for (const auto& s : doomed) s->close_soon();
}

void socket_registry::close_user(core::user_id id) {
  close_if([&](core::user_id user, const open_socket&) { return user == id; });
}
void socket_registry::close_key(core::api_key_id id) {
  close_if([&](core::user_id, const open_socket& s) { return s.key == id; });
}
void socket_registry::close_session(core::web_session_id id) {
  close_if([&](core::user_id, const open_socket& s) { return s.session == id; });
}

void socket_registry::close_sessions_of(core::user_id id) {
  close_if([&](core::user_id user, const open_socket& s) { return user == id && s.session; });
}

std::size_t socket_registry::size() const {
  const std::lock_guard lock(mutex_);
  return size_;
}

}  // namespace samovar::net
