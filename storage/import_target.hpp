// The writing side of an import: rows of one user and the bookkeeping of what was left out.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "storage/import_source.hpp"
#include "storage/pool.hpp"

namespace samovar::storage {

/// How far earlier runs got. Phases are named after the kind being imported, then "verify", "done".
struct import_state {
  std::string phase = "images";
  std::string finished_at;  ///< empty until done
  std::map<import_kind, std::set<core::uuid>> skips;

  /// True when an earlier run went through all rows of this kind.
  bool past(import_kind kind) const;
  bool done() const { return phase == "done"; }
};

/// A job ready to be written.
struct imported_job {
  core::job record;
  std::string snapshot;
  std::vector<core::uuid> failed_images;
};

/// What is added gathers until commit(), which writes it in one transaction as the user. With
/// `dry_run` nothing is ever written. Everything may be given twice.
class import_target {
 public:
  /// Throws import_error while another import for this user runs.
  import_target(const std::string& app_conninfo, core::user_id user, std::string source,
                bool dry_run);

  const import_state& state() const { return state_; }
  core::user_id user() const { return user_; }
  bool dry_run() const { return dry_run_; }

  /// Which of the ids are rows of this user; with dry_run also those that would have been written.
  std::set<core::uuid> existing(import_kind kind, const std::vector<core::uuid>& ids);

  /// The first of these images that exists and is another user's.
  std::optional<core::uuid> another_users(const std::vector<core::uuid>& images);

  void add(const core::image& i);
  void add(const core::bbox_annotation& b);
  void add(const core::point_annotation& p);
  void add(const imported_job& j);
  /// `bboxes` is JSON or nothing.
  void add(const core::processing_result& r, const std::optional<std::string>& bboxes);
  /// Notes that the row was left out; a row that is added is no longer noted.
  void skip(import_kind kind, const core::uuid& id, const std::string& reason);
  void unskip(import_kind kind, const core::uuid& id);
  void enter_phase(const std::string& phase);
  void commit();

  // Reading back, for the verification.
  struct stored_image {
    std::string blob_path, sha256;
    std::int64_t byte_size = 0;
  };
  std::map<core::uuid, import_digest> digests(import_kind kind, const std::vector<core::uuid>& ids);
  std::map<core::uuid, stored_image> stored_images(const std::vector<core::uuid>& ids);
  std::map<core::uuid, std::string> stored_detections(const std::vector<core::uuid>& ids);
  struct usage {
    std::int64_t image_count = 0, storage_bytes = 0;     ///< the user's counters
    std::int64_t images = 0, bytes = 0;                  ///< what the rows add up to
    std::int64_t max_images = 0, max_storage_bytes = 0;  ///< the user's quotas
  };
  usage read_usage();
  /// What is noted as left out now; state() tells what was when this run began.
  std::map<import_kind, std::set<core::uuid>> read_skips();

 private:
  void gather(const statement& s, std::string call);
  void load_state();

  connection connection_;
  core::user_id user_;
  std::string source_;
  bool dry_run_;
  import_state state_;
  std::string gathered_;
  std::map<import_kind, std::set<core::uuid>> imagined_;  ///< what a dry run would have written
};

}  // namespace samovar::storage
