// The single-user application's database, read in one snapshot.
//
// Supported is its last form (tables images, bbox_annotations, point_annotations, processing_jobs
// with annotations_snapshot, processing_results); others are refused with a sentence.
#pragma once

#include <memory>
#include <optional>
#include <pqxx/pqxx>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/ports.hpp"

namespace samovar::storage {

/// The import cannot go on; one sentence for the operator.
struct import_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What is imported, in this order.
enum class import_kind : std::uint8_t { images, boxes, points, jobs, results };
inline constexpr import_kind import_kinds[] = {import_kind::images, import_kind::boxes,
                                               import_kind::points, import_kind::jobs,
                                               import_kind::results};
/// "images" …, as the bookkeeping tables spell it.
const char* to_string(import_kind kind);

struct old_image {
  core::uuid id;
  std::string filename, blob_path;
  std::int32_t width = 0, height = 0;  ///< as recorded; the file decides
  core::timestamp created_at{};
  std::optional<std::string> text_prompt;
};
struct old_box {
  core::uuid id;
  core::bbox_annotation row;
};
struct old_point {
  core::uuid id;
  core::point_annotation row;
};
struct old_job {
  core::uuid id;
  core::segmentation_mode mode = core::segmentation_mode::inside_box;
  std::string status;                    ///< queued, running, completed, failed
  std::vector<core::image_id> images;    ///< empty also when an id is malformed
  std::vector<std::string> names;        ///< as many as images
  std::set<core::image_id> with_result;  ///< images with a row in processing_results
  std::int32_t current_index = 0;
  core::timestamp created_at{};
  std::optional<core::timestamp> started_at, completed_at;
  std::optional<std::string> error, snapshot;
};
struct old_result {
  core::uuid id;
  core::job_id job;
  core::image_id image;
  core::segmentation_mode mode = core::segmentation_mode::inside_box;
  std::string mask_path, coco_path;
  core::timestamp processed_at{};
  std::optional<std::string> bboxes;  ///< JSON
};

/// A row's identity and a digest over what must arrive unchanged.
struct import_digest {
  core::uuid id;
  std::string digest;
  std::string status;  ///< of jobs
};

class import_source {
 public:
  /// Connects and takes the snapshot. Throws import_error: unreachable, or not a version we know.
  explicit import_source(const std::string& url);

  /// Stays the same from run to run: the cluster's own number and the database's name.
  const std::string& identity() const { return identity_; }
  std::int64_t count(import_kind kind);

  // Pages in order of id, at most `limit` rows, beginning behind `after` (nil: from the start).
  std::vector<old_image> images(const core::uuid& after, int limit);
  std::vector<old_box> boxes(const core::uuid& after, int limit);
  std::vector<old_point> points(const core::uuid& after, int limit);
  std::vector<old_job> jobs(const core::uuid& after, int limit);
  std::vector<old_result> results(const core::uuid& after, int limit);
  std::vector<import_digest> digests(import_kind kind, const core::uuid& after, int limit);

  /// The present prompts of an image, for jobs that have no snapshot of their own.
  core::image_prompts prompts(core::image_id image);
  /// Results with a newer one of the same job and image (the old schema didn't forbid it).
  bool is_superseded(const core::uuid& result) const { return superseded_.contains(result); }

 private:
  pqxx::result exec(const std::string& sql);
  void refuse_other_versions();
  void load_superseded();

  std::unique_ptr<pqxx::connection> connection_;
  std::unique_ptr<pqxx::transaction<pqxx::repeatable_read, pqxx::read_only>> snapshot_;
  std::string identity_;
  std::set<core::uuid> superseded_;
};

/// The digest of a row as SQL over the columns of the old tables (`old` true) or of ours.
std::string import_digest_sql(import_kind kind, bool old);

}  // namespace samovar::storage
