// Ports the engine holds but never calls: every member throws.
#pragma once

#include "core/ports.hpp"

namespace samovar::tests {

core::image_store& unused_images();
core::annotation_store& unused_notes();
core::job_store& unused_jobs();
core::result_store& unused_results();
core::image_codec& unused_codec();
core::link_store& unused_links();
core::audit_store& unused_audit();
core::job_log& unused_log();

}  // namespace samovar::tests
