// What handlers tell the engine about credentials that ended and sign-ins that failed.
#pragma once

#include <string>

#include "core/ids.hpp"

namespace samovar::net {

/// Implemented by the engine (`server::control()`); safe to call from any thread. The invalidate
/// functions forget cached credentials and close the WebSockets opened with them, at once.
struct access_control {
  virtual ~access_control() = default;
  virtual void invalidate_key(core::api_key_id id) = 0;          ///< after revocation
  virtual void invalidate_session(core::web_session_id id) = 0;  ///< after sign-out
  virtual void invalidate_user(core::user_id id) = 0;  ///< after disabling, deleting, role change
  /// After a password reset: the web sessions end, API keys go on.
  virtual void invalidate_user_sessions(core::user_id id) = 0;
  /// After a role change or a deletion elsewhere may have been missed: every cached credential is
  /// forgotten, every open WebSocket's one is looked up again.
  virtual void invalidate_everything() = 0;
  /// False: answer 429 with Retry-After without looking at the password.
  virtual bool allow_sign_in(const std::string& account, const std::string& address) = 0;
  virtual void sign_in_failed(const std::string& account, const std::string& address) = 0;
  virtual bool allow_registration(const std::string& address) = 0;  ///< also the set-up route
};

}  // namespace samovar::net
