// A log file that another process writes to, kept from growing without end.
#pragma once

#include <cstdint>
#include <filesystem>

namespace samovar::storage {

/// When `file` holds more than `bytes_max`, its text moves to "<file>.1" (the one before is
/// dropped) and the file is emptied in place: its writer, which must have opened it for appending,
/// goes on at the beginning. What it writes during the copy is lost. True when that was done; a
/// failure is tried again by the next call. Blocks on the file.
bool bound_log(const std::filesystem::path& file, std::uintmax_t bytes_max);

}  // namespace samovar::storage
