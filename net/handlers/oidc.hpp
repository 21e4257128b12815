// Routes of single sign-on. Given apart from the services, because only these need the client.
#pragma once

#include <vector>

#include "core/identities.hpp"
#include "net/access_control.hpp"
#include "net/exchange.hpp"
#include "net/services.hpp"

namespace samovar::net {

class oidc_client;

/// All references must outlive the routes. `client` null: OpenID Connect is not configured, and its
/// routes say so.
std::vector<route> oidc_routes(services& s, access_control& access,
                               core::identity_store& identities, oidc_client* client);
std::vector<route> identity_routes(core::identity_store& identities);

}  // namespace samovar::net
