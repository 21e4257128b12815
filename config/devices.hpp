// What devices.list means, and which settings go together.
#pragma once

#include <string>
#include <vector>

#include "config/settings.hpp"
#include "core/errors.hpp"

namespace samovar::config {

/// "cpu:2,cuda" -> "cpu:0", "cpu:1", "cuda:0": one name per worker, in the list's order.
/// validation_failed (naming devices.list) when it is shaped wrong, names a device twice or has
/// more than 99 workers.
core::outcome<std::vector<std::string>> device_names(const std::string& list);

/// How many of the names are workers on the CPU.
int cpu_workers(const std::vector<std::string>& names);

/// What a single setting can't know: CUDA devices, a checkpoint and fp16 belong to sam3. An error
/// names the setting.
core::status check_together(const settings& s);

}  // namespace samovar::config
