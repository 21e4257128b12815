// The cookie of a web session.
#pragma once

#include <algorithm>
#include <string>

namespace samovar::net {

/// A Set-Cookie value. `max_age_s` 0 takes the cookie away.
inline std::string session_cookie(const std::string& token, bool secure, long long max_age_s) {
  return "samovar_session=" + token +
         "; Path=/; HttpOnly; SameSite=Lax; Max-Age=" + std::to_string(std::max(0LL, max_age_s)) +
         (secure ? "; Secure" : "");
}

}  // namespace samovar::net
