// `samovar user add | list | passwd | disable`, beside a running server or without one.
#pragma once

#include <string>
#include <vector>

#include "storage/database.hpp"
#include "storage/repositories.hpp"

namespace samovar::storage {

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
  account_repository& accounts() { return accounts_; }

 private:
  core::outcome<core::user_id> find(const std::string& email);

  database database_;
  account_repository accounts_;
};

}  // namespace samovar::storage
