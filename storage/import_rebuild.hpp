// What a result of the single-user application found, out of its files.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/ports.hpp"
#include "storage/import_blobs.hpp"
#include "storage/import_source.hpp"

namespace samovar::storage {

struct rebuilt_result {
  std::optional<std::vector<core::detection>> detections;  ///< nullopt: neither file is usable
  bool from_mask = false;                                  ///< the COCO file was not usable
  std::string why;                                         ///< what was wrong with the files
};

/// The COCO file; where it is missing or broken, the union mask as one detection.
rebuilt_result rebuild_result(const old_result& r, import_blob_source& files,
                              core::image_codec& codec);

}  // namespace samovar::storage
