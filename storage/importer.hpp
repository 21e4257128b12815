// `samovar import-samui`: carries a single-user database over to one user.
//
//   images -> boxes -> points -> jobs -> results -> verify -> done
//
// Each phase goes through the source in order of id, in small transactions; the phase is recorded,
// so that a killed import goes on where it was. Ids are kept, so nothing arrives twice. A row that
// can't be taken is noted with its reason, and a later run tries exactly those again.
#pragma once

#include "core/ports.hpp"
#include "storage/import_blobs.hpp"
#include "storage/import_report.hpp"
#include "storage/import_target.hpp"

namespace samovar::storage {

struct import_options {
  bool requeue = false;        ///< unfinished jobs wait again, instead of failing
  bool allow_missing = false;  ///< take images without pixels, results without masks
  core::timestamp now{};
};

class importer {
 public:
  /// `blobs` may be null in a dry run.
  importer(import_source& from, import_blob_source& files, import_target& to,
           core::blob_store* blobs, core::image_codec& codec, const import_options& options)
      : from_(from), files_(files), to_(to), blobs_(blobs), codec_(codec), options_(options) {}

  /// Throws import_error when it can't go on (a full disk, say), core::store_unavailable when a
  /// database is away; both can be repeated.
  import_report run();

 private:
  bool wanted(import_kind kind, const core::uuid& id) const;
  template <class Row, class Fetch, class Take>
  void go_through(import_kind kind, int page, Fetch fetch, Take take);
  void leave_out(import_kind kind, const core::uuid& id, const std::string& reason);
  void take_image(const old_image& i);
  void take_without_pixels(const old_image& i, const std::string& reason);
  std::filesystem::path spool(const std::string& bytes);
  void take_job(const old_job& j);
  std::string snapshot_of(const old_job& j);
  void take_result(const old_result& r);
  void check_quotas();

  import_source& from_;
  import_blob_source& files_;
  import_target& to_;
  core::blob_store* blobs_;
  core::image_codec& codec_;
  import_options options_;
  import_report report_;
};

/// Compares source and target: digests of every row, every original's SHA-256, every result's
/// detections, the user's counters. What earlier runs had finished is not looked at again, since
/// people may have changed it.
void verify_import(import_source& from, import_blob_source& files, import_target& to,
                   core::blob_store& blobs, core::image_codec& codec, import_report& report);

/// 64 hex digits.
std::string import_sha256(std::string_view bytes);

}  // namespace samovar::storage
