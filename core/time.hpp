// Time as a value. core/ never reads a clock: callers pass these in.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace samovar::core {

/// Wall-clock UTC with microsecond precision, what PostgreSQL's timestamptz stores.
using timestamp = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;
/// Monotonic time used for leases and fairness.
using tick = std::chrono::microseconds;

/// RFC 3339 in UTC with microseconds, e.g. "2026-11-25T06:38:06.123456Z".
std::string to_rfc3339(timestamp t);
/// Parses RFC 3339 (section 5.6) with any offset and fraction, cut to microseconds; nullopt for
/// anything else, leap seconds among it, and for instants outside the years 0 to 9999.
std::optional<timestamp> parse_rfc3339(const std::string& text);

}  // namespace samovar::core
