// OpenID Connect as the settings want it.
#pragma once

#include <memory>

#include "config/settings.hpp"
#include "core/ports.hpp"
#include "net/oidc_client.hpp"

namespace samovar::app {

/// nullptr when it is not configured. Throws std::runtime_error with a sentence that names the
/// setting when the settings do not fit together.
std::unique_ptr<net::oidc_client> make_oidc_client(const config::settings& s,
                                                   const core::secrets& secrets);

}  // namespace samovar::app
