// Pieces of signing in that several resources need.
#pragma once

#include <string>

#include "net/handlers/support.hpp"
#include "net/session_cookie.hpp"

namespace samovar::net {

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

/// A web session just opened; `cookie` is the Set-Cookie header's value and holds its secret.
struct opened_session {
  std::string cookie;
  std::string csrf_token;
};
/// Opens a web session for a user who has proven to be it, whatever the way: `method` names it in
/// the audit log ("password", "setup", "register", "link", "oidc").
opened_session open_session(services& s, const request& r, core::user_id user, std::string method);
/// The same as an answer: user JSON with csrf_token, and the cookie.
reply signed_in_reply(services& s, const request& r, core::user_id user, int status,
                      std::string method = "password");
/// The user with csrf_token (null for API keys), as GET /auth/me gives it.
std::string me_json(const core::user& u, const std::string& csrf_token);

}  // namespace samovar::net
