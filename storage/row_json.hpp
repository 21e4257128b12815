// JSON inside the database: a job's snapshot and a result's detections.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/detections.hpp"
#include "core/jobs.hpp"

namespace samovar::storage {

/// Appends one JSON string, quoted and escaped. Bytes that are not UTF-8 pass as they are (the
/// database refuses them).
void append_json_string(std::string& out, std::string_view text);

/// {text_prompt, bbox_annotations:[{id,bbox_x,…,prompt_type}], point_annotations:[{id,point_x,…}]}
void append_prompts(std::string& out, const core::image_prompts& prompts);
core::image_prompts read_prompts(std::string_view json);
/// Object by image id, as the single-user application stored it.
std::map<core::image_id, core::image_prompts> read_snapshot(std::string_view json);

/// [{"bbox":[x,y,w,h],"score":s,"area":a,"size":[h,w],"counts":"…"}]
std::string detections_text(const std::vector<core::detection>& detections);
std::vector<core::detection> read_detections(std::string_view json);
/// [{"x":…,"y":…,"width":…,"height":…}] for find_all.
std::string bboxes_text(const std::vector<core::detection>& detections);

/// {"image id": ["blob path", "sha256"], …} into inputs whose prompts are there already.
void read_blobs(std::string_view json, core::job_inputs& inputs);

}  // namespace samovar::storage
