// A unit runner that gives its model back when it has had nothing to do for a while.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "core/ports.hpp"

namespace samovar::model {

/// Makes the inner runner at once; after `idle` without a unit it is destroyed, with everything it
/// holds (weights, cached encodings, a process), on a thread of this runner's; the next unit makes
/// it anew first, on its own thread. Throws what `make` throws, here only: later that is a unit's
/// retryable failure, and the reason goes to the log. idle > 0.
std::unique_ptr<core::unit_runner> make_idle_runner(
    std::function<std::unique_ptr<core::unit_runner>()> make, std::chrono::milliseconds idle);

}  // namespace samovar::model
