// One-time links by which people set a password.
#pragma once

#include "net/handlers/support.hpp"

namespace samovar::net {

/// Issues a link (earlier ones of the user end) and writes the members kind, url and expires_at.
/// The token is in the fragment, which browsers send to no server. 404 without such a user.
void issue_link(services& s, const request& r, core::user_id user, core::link_kind kind,
                json_out& out);

}  // namespace samovar::net
