// `samovar user add | list | passwd | disable | enable | invite | reset`, beside a running server
// or without one.
#pragma once

#include <string>
#include <vector>

#include "storage/database.hpp"
#include "storage/repositories.hpp"

namespace samovar::storage {

/// What the audit log says of changes made here.
inline core::change_origin from_command_line() { return {std::nullopt, "command line"}; }

/// Opens the database for the lifetime of the object (open_database_beside): uses a running
/// server's socket, else starts the cluster, migrates, and stops it in the end.
class admin {
 public:
  explicit admin(const database_options& options)
      : database_(open_database_beside(options)), accounts_(*database_.connections) {}

  /// validation_failed for a malformed address or a password out of limits, email_taken.
  core::outcome<core::user> add_user(const core::secrets& secrets, const std::string& email,
                                     const std::string& password, core::role rights,
                                     core::timestamp now);
  std::vector<core::user> list_users() { return accounts_.list_users(); }
  /// not_found for an unknown address. Ends the user's web sessions.
  core::status set_password(const core::secrets& secrets, const std::string& email,
                            const std::string& password);
  core::status set_disabled(const std::string& email, bool disabled);
  /// A one-time link whose token is `token`. An invite adds a user who isn't there yet (an
  /// administrator when asked); a reset answers not_found.
  core::status issue_link(const core::secrets& secrets, const std::string& email,
                          core::link_kind kind, const std::string& token, bool administrator,
                          core::timestamp now, std::chrono::seconds lifetime);
  account_repository& accounts() { return accounts_; }

 private:
  core::outcome<core::user_id> find(const std::string& email);

  database database_;
  account_repository accounts_;
};

}  // namespace samovar::storage
