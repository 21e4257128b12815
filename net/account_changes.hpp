// Makes what was changed of accounts in the database true for everything that runs here.
#pragma once

#include "net/access_control.hpp"
#include "net/services.hpp"

namespace samovar::net {

/// The user's limits, weight and being active, as the database has them now, reach the live
/// session and the sockets.
void account_changed(services& s, core::user_id user);

/// Follows a change that another process, or another server, may have made. Blocks (SQL).
void follow(services& s, access_control& access, const core::account_change& change);

}  // namespace samovar::net
