// Which images a job must process (http-api.md, Jobs, "Change detection").
#pragma once

#include <optional>

#include "core/prompts.hpp"

namespace samovar::core {

/// Decides for one image. `covering` is the snapshot of the newest job of the same mode that covers
/// it (queued, running, or with a result), nullopt when there is none.
/// With `force_all` an image is taken whenever it is known (even without prompts).
/// Otherwise: never covered -> taken when it has a prompt for the mode; covered -> taken when the
/// relevant prompts (set of id, geometry, type; text for find_all) differ. Order does not matter.
bool needs_processing(const image_prompts& current, const std::optional<image_prompts>& covering,
                      segmentation_mode mode, bool force_all);

}  // namespace samovar::core
