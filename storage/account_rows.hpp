// Reading rows of accounts; used by the account repositories only.
#pragma once

#include <optional>
#include <pqxx/pqxx>

#include "core/accounts.hpp"
#include "storage/sql_text.hpp"

namespace samovar::storage {

inline core::role read_role(const char* text) {
  return std::string_view{text} == "admin" ? core::role::admin : core::role::user;
}

inline std::optional<core::timestamp> read_optional_time(const pqxx::field& f) {
  if (f.is_null()) return std::nullopt;
  return read_timestamp(f.c_str());
}

inline core::error user_not_found() {
  return core::make_error(core::error_code::not_found, "User not found");
}

}  // namespace samovar::storage
