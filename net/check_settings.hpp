// Mistakes in the settings that only net/ can see, found before anything is started.
#pragma once

#include "net/services.hpp"

namespace samovar::net {

/// Throws std::runtime_error with a sentence that names the setting and, for the TLS files, the
/// file. Reads the files.
void check_settings(const settings& s);

}  // namespace samovar::net
