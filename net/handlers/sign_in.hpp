// Pieces of signing in that several resources need.
#pragma once

#include <string>

#include "net/handlers/support.hpp"

namespace samovar::net {

inline constexpr int web_session_days = 30;

/// Reads `email` (normalised) and `password` for a new account; 422 naming the field.
struct new_credentials {
  std::string email;
  std::string password;
};
new_credentials read_new_credentials(const json_body& body);
/// A password that may be set: 8 characters or more, at most 1,024 bytes.
std::string read_new_password(const json_body& body, const char* field);
/// `display_name`, or what stands before the @.
std::string read_display_name(const json_body& body, const std::string& email);

/// Starts a web session: user JSON with csrf_token, and the cookie.
reply signed_in_reply(services& s, const request& r, core::user_id user, int status);
std::string session_cookie(const std::string& token, bool secure, long max_age_s);
/// The user with csrf_token (null for API keys), as GET /auth/me gives it.
std::string me_json(const core::user& u, const std::string& csrf_token);

}  // namespace samovar::net
