// The last phase of an import: does everything that should have arrived agree with the source?
#include "storage/import_rebuild.hpp"
#include "storage/importer.hpp"
#include "storage/row_json.hpp"

namespace samovar::storage {

namespace {

constexpr int page_digests = 500;
constexpr int page_results = 50;

class verification {
 public:
  verification(import_source& from, import_blob_source& files, import_target& to,
               core::blob_store& blobs, core::image_codec& codec, import_report& report)
      : from_(from),
        files_(files),
        to_(to),
        blobs_(blobs),
        codec_(codec),
        report_(report),
        skipped_(to.read_skips()) {}

  void rows(import_kind kind) {
    core::uuid after;
    for (;;) {
      const auto page = from_.digests(kind, after, page_digests);
      if (page.empty()) return;
      after = page.back().id;
      std::vector<core::uuid> ids;
      for (const auto& row : page)
        if (expected(kind, row.id)) ids.push_back(row.id);
      const auto stored = to_.digests(kind, ids);
      for (const auto& row : page)
        if (expected(kind, row.id)) compare(kind, row, stored);
    }
  }

  void originals() {
    core::uuid after;
    for (;;) {
      const auto page = from_.images(after, page_digests);
      if (page.empty()) return;
      after = page.back().id;
      std::vector<core::uuid> ids;
      for (const auto& row : page)
        if (expected(import_kind::images, row.id)) ids.push_back(row.id);
      const auto stored = to_.stored_images(ids);
      for (const auto& row : page)
        if (const auto at = stored.find(row.id); at != stored.end() && at->second.byte_size > 0)
          compare_file(row, at->second);
    }
  }

  void detections() {
    core::uuid after;
    for (;;) {
      const auto page = from_.results(after, page_results);
      if (page.empty()) return;
      after = page.back().id;
      std::vector<core::uuid> ids;
      for (const auto& row : page)
        if (expected(import_kind::results, row.id)) ids.push_back(row.id);
      const auto stored = to_.stored_detections(ids);
      for (const auto& row : page) {
        const auto at = stored.find(row.id);
        if (at == stored.end()) continue;
        const auto again = rebuild_result(row, files_, codec_);
        if (read_detections(at->second) != again.detections.value_or(no_detections_))
          report_.differs("result " + core::to_string(row.id) + ": its detections differ");
      }
    }
  }

  void counters() {
    const auto u = to_.read_usage();
    if (u.image_count != u.images || u.storage_bytes != u.bytes)
      report_.differs("the user's counters say " + std::to_string(u.image_count) + " images and " +
                      std::to_string(u.storage_bytes) + " bytes, the rows " +
                      std::to_string(u.images) + " and " + std::to_string(u.bytes));
  }

 private:
  // After a finished import, people may have changed or deleted what it brought.
  bool expected(import_kind kind, const core::uuid& id) const {
    const auto has = [&](const auto& lists) {
      const auto at = lists.find(kind);
      return at != lists.end() && at->second.contains(id);
    };
    return !has(skipped_) && (!to_.state().done() || has(to_.state().skips));
  }

  void compare(import_kind kind, const import_digest& row,
               const std::map<core::uuid, import_digest>& stored) {
    ++report_.verified_rows;
    const auto name = std::string{to_string(kind)} + " " + core::to_string(row.id);
    const auto at = stored.find(row.id);
    // Unfinished jobs may have been queued again, and may have run since.
    const bool open = row.status == "queued" || row.status == "running";
    if (at == stored.end())
      report_.differs(name + ": it is not in the target, or belongs to another user there");
    else if (at->second.digest != row.digest || (!open && at->second.status != row.status))
      report_.differs(name + ": its content differs");
  }

  void compare_file(const old_image& row, const import_target::stored_image& stored) {
    ++report_.verified_files;
    const auto name = "image " + core::to_string(row.id);
    const auto source = files_.read(row.blob_path);
    const auto target = blobs_.read(stored.blob_path);
    if (!source)
      report_.differs(name + ": " + row.blob_path + " has disappeared from the source");
    else if (!target)
      report_.differs(name + ": its file is not in the blob store");
    else if (import_sha256(*source) != stored.sha256 || import_sha256(*target) != stored.sha256 ||
             static_cast<std::int64_t>(target->size()) != stored.byte_size)
      report_.differs(name + ": its file differs from the source");
  }

  import_source& from_;
  import_blob_source& files_;
  import_target& to_;
  core::blob_store& blobs_;
  core::image_codec& codec_;
  import_report& report_;
  std::map<import_kind, std::set<core::uuid>> skipped_;
  const std::vector<core::detection> no_detections_;
};

}  // namespace

void verify_import(import_source& from, import_blob_source& files, import_target& to,
                   core::blob_store& blobs, core::image_codec& codec, import_report& report) {
  verification v(from, files, to, blobs, codec, report);
  for (const auto kind : import_kinds) v.rows(kind);
  v.originals();
  v.detections();
  v.counters();
}

}  // namespace samovar::storage
