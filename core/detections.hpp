// What a segmenter finds and what a result row holds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/ids.hpp"
#include "core/prompts.hpp"
#include "core/rle.hpp"
#include "core/time.hpp"

namespace samovar::core {

/// One instance. `bounds` and `area` are computed from the mask (px, px^2); score in [0, 1].
struct detection {
  box bounds;
  double score = 0.0;
  std::uint64_t area = 0;
  rle mask;
  friend bool operator==(const detection&, const detection&) = default;
};

/// Builds a detection whose bounds and area agree with its mask.
detection make_detection(rle mask, double score);

/// A stored result of one image in one job.
struct processing_result {
  result_id id;
  job_id job;
  image_id image;
  user_id user;
  segmentation_mode mode = segmentation_mode::inside_box;
  std::vector<detection> detections;
  image_prompts prompts;  ///< what was asked (from the job's snapshot)
  std::string mask_blob_path;
  std::string coco_json_blob_path;
  std::string model;  ///< identity of the segmenter, e.g. "classical/1"
  double device_ms = 0.0;
  timestamp processed_at{};
};

}  // namespace samovar::core
