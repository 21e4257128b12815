// The server as a process of its system: signals and descriptors.
#pragma once

#include <csignal>
#include <functional>

namespace samovar::app {

/// SIGINT and SIGTERM, and SIGHUP where it asks for a reload (else it ends the process as usual, so
/// that a closed terminal takes its server along). Call before any thread starts: every thread
/// inherits it, and wait_for_stop alone sees the signals.
sigset_t block_signals(bool with_hangup);

/// Returns after SIGINT or SIGTERM. Meanwhile calls `look_after` now and then, and at once, with
/// true, for each SIGHUP.
void wait_for_stop(const sigset_t& signals, const std::function<void(bool asked)>& look_after);

/// Every connection is a descriptor, and the usual soft limit is 1,024: takes what the hard limit
/// gives, up to what the server can use.
void raise_descriptor_limit();

}  // namespace samovar::app
