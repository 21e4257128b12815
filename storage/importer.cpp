#include "storage/importer.hpp"

#include <sodium.h>
#include <unistd.h>

#include <fstream>

#include "storage/import_rebuild.hpp"
#include "storage/row_json.hpp"

namespace samovar::storage {

namespace fs = std::filesystem;

namespace {

// Rows of one transaction. Images come with a file each, jobs and results with long texts.
constexpr int page_images = 25;
constexpr int page_prompts = 500;
constexpr int page_jobs = 100;
constexpr int page_results = 50;
constexpr const char* unfinished = "imported before completion";

std::string content_type_of_path(const std::string& path) {
  const auto extension = fs::path{path}.extension().string();
  if (extension == ".png" || extension == ".webp" || extension == ".bmp")
    return "image/" + extension.substr(1);
  if (extension == ".tif" || extension == ".tiff") return "image/tiff";
  return "image/jpeg";
}

std::string size_text(std::int32_t width, std::int32_t height) {
  return std::to_string(width) + "x" + std::to_string(height);
}

std::string named(import_kind kind, const core::uuid& id) {
  auto name = std::string{to_string(kind)};
  name = kind == import_kind::boxes ? "box" : name.substr(0, name.size() - 1);
  return name + " " + core::to_string(id);
}

// What a row of each kind hangs on.
std::vector<std::pair<import_kind, core::uuid>> parents_of(const old_box& b) {
  return {{import_kind::images, b.row.image.value}};
}
std::vector<std::pair<import_kind, core::uuid>> parents_of(const old_point& p) {
  return {{import_kind::images, p.row.image.value}};
}
std::vector<std::pair<import_kind, core::uuid>> parents_of(const old_result& r) {
  return {{import_kind::images, r.image.value}, {import_kind::jobs, r.job.value}};
}
std::vector<std::pair<import_kind, core::uuid>> parents_of(const old_image&) { return {}; }
// A job may name images that are gone.
std::vector<std::pair<import_kind, core::uuid>> parents_of(const old_job&) { return {}; }

}  // namespace

std::string import_sha256(std::string_view data) {
  unsigned char digest[crypto_hash_sha256_BYTES];
  crypto_hash_sha256(digest, reinterpret_cast<const unsigned char*>(data.data()), data.size());
  char hex[sizeof digest * 2 + 1];
  sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
  return hex;
}

import_report importer::run() {
  report_.dry_run = to_.dry_run();
  for (const auto kind : import_kinds) report_[kind].found = from_.count(kind);
  if (to_.state().done() && to_.state().skips.empty()) {
    report_.finished_before = to_.state().finished_at;
    return report_;
  }
  go_through<old_image>(
      import_kind::images, page_images, [&](auto&... a) { return from_.images(a...); },
      [&](const old_image& i) { take_image(i); });
  go_through<old_box>(
      import_kind::boxes, page_prompts, [&](auto&... a) { return from_.boxes(a...); },
      [&](const old_box& b) { to_.add(b.row); });
  go_through<old_point>(
      import_kind::points, page_prompts, [&](auto&... a) { return from_.points(a...); },
      [&](const old_point& p) { to_.add(p.row); });
  go_through<old_job>(
      import_kind::jobs, page_jobs, [&](auto&... a) { return from_.jobs(a...); },
      [&](const old_job& j) { take_job(j); });
  go_through<old_result>(
      import_kind::results, page_results, [&](auto&... a) { return from_.results(a...); },
      [&](const old_result& r) { take_result(r); });
  check_quotas();
  if (to_.dry_run()) return report_;
  if (!to_.state().done()) to_.enter_phase("verify");
  verify_import(from_, files_, to_, *blobs_, codec_, report_);
  if (report_.verified()) to_.enter_phase("done");
  return report_;
}

bool importer::wanted(import_kind kind, const core::uuid& id) const {
  if (!to_.state().past(kind)) return true;
  const auto at = to_.state().skips.find(kind);
  return at != to_.state().skips.end() && at->second.contains(id);
}

template <class Row, class Fetch, class Take>
void importer::go_through(import_kind kind, int page, Fetch fetch, Take take) {
  if (!to_.state().past(kind)) to_.enter_phase(to_string(kind));
  auto& counts = report_[kind];
  core::uuid after;
  for (;;) {
    const std::vector<Row> rows = fetch(after, page);
    if (rows.empty()) return;
    after = rows.back().id;
    std::vector<core::uuid> ids;
    std::map<import_kind, std::vector<core::uuid>> parents;
    for (const auto& row : rows) {
      ids.push_back(row.id);
      for (const auto& [of, id] : parents_of(row)) parents[of].push_back(id);
    }
    if (kind == import_kind::images)
      if (const auto other = to_.another_users(ids))
        throw import_error(named(kind, *other) +
                           " is in the target already and belongs to another user: a source can "
                           "be imported for one user only");
    const auto there = to_.existing(kind, ids);
    std::map<import_kind, std::set<core::uuid>> parents_there;
    for (const auto& [of, all] : parents) parents_there[of] = to_.existing(of, all);
    for (const auto& row : rows) {
      if (there.contains(row.id) || !wanted(kind, row.id)) {
        ++counts.present;
        if (there.contains(row.id)) to_.unskip(kind, row.id);
        continue;
      }
      std::string orphan;
      for (const auto& [of, id] : parents_of(row))
        if (!parents_there[of].contains(id)) orphan = named(of, id);
      if (!orphan.empty()) {
        leave_out(kind, row.id, orphan + " is not there");
        continue;
      }
      ++counts.imported;
      take(row);
    }
    to_.commit();
  }
}

void importer::leave_out(import_kind kind, const core::uuid& id, const std::string& reason) {
  ++report_[kind].left_out;
  report_.note(named(kind, id) + " left out: " + reason);
  to_.skip(kind, id, reason);
}

std::filesystem::path importer::spool(const std::string& bytes) {
  const auto file = blobs_ != nullptr ? blobs_->new_spool_file()
                                      : fs::temp_directory_path() /
                                            ("samovar-import-" + std::to_string(::getpid()));
  std::ofstream out{file, std::ios::binary | std::ios::trunc};
  out << bytes;
  out.close();
  if (!out) {
    std::error_code ec;
    fs::remove(file, ec);
    throw import_error("a file can't be written: the disk may be full");
  }
  return file;
}

void importer::take_image(const old_image& i) {
  const auto bytes = files_.read(i.blob_path);
  if (!bytes) return take_without_pixels(i, "its file " + i.blob_path + " is missing");
  const auto file = spool(*bytes);
  const auto facts = codec_.inspect_file(file);
  std::error_code ec;
  if (!facts.ok() || blobs_ == nullptr) fs::remove(file, ec);
  if (!facts.ok())
    return take_without_pixels(
        i, "its file " + i.blob_path + " is not usable: " + facts.failure().detail);
  core::image row;
  row.id.value = i.id;
  row.filename = i.filename;
  row.blob_path = "users/" + core::to_string(to_.user()) + "/images/" + core::to_string(i.id) +
                  "." + facts->extension;
  row.content_type = facts->content_type;
  row.byte_size = static_cast<std::int64_t>(bytes->size());
  row.sha256 = import_sha256(*bytes);
  row.width = facts->width;
  row.height = facts->height;
  row.text_prompt = i.text_prompt;
  row.created_at = i.created_at;
  if (i.width != row.width || i.height != row.height)
    report_.note(named(import_kind::images, i.id) + " is " + size_text(row.width, row.height) +
                 ", recorded as " + size_text(i.width, i.height) +
                 ": its prompts and masks may not fit");
  if (blobs_ != nullptr)
    if (const auto put = blobs_->put_file(row.blob_path, file); !put.ok())
      throw import_error("an image can't be stored: " + put.failure().detail);
  to_.add(row);
}

void importer::take_without_pixels(const old_image& i, const std::string& reason) {
  if (!options_.allow_missing) {
    --report_[import_kind::images].imported;
    return leave_out(import_kind::images, i.id, reason);
  }
  ++report_.without_pixels;
  report_.note(named(import_kind::images, i.id) + " has no pixels: " + reason);
  core::image row;
  row.id.value = i.id;
  row.filename = i.filename;
  row.blob_path =
      "users/" + core::to_string(to_.user()) + "/images/" + core::to_string(i.id) + ".missing";
  row.content_type = content_type_of_path(i.blob_path);
  row.sha256 = import_sha256({});
  row.width = std::max(i.width, 1);
  row.height = std::max(i.height, 1);
  row.text_prompt = i.text_prompt;
  row.created_at = i.created_at;
  to_.add(row);
}

std::string importer::snapshot_of(const old_job& j) {
  std::map<core::image_id, core::image_prompts> recorded;
  bool usable = false;
  try {
    if (j.snapshot && *j.snapshot != "null") {
      recorded = read_snapshot(*j.snapshot);
      usable = true;
    }
  } catch (const std::exception&) {  // whatever is wrong with it, it can't be used
    recorded.clear();
  }
  if (!usable) ++report_.unrecorded_prompts;
  const bool goes_on = options_.requeue && (j.status == "queued" || j.status == "running");
  std::string out = "{";
  for (const auto& image : std::set<core::image_id>(j.images.begin(), j.images.end())) {
    if (out.size() > 1) out += ',';
    append_json_string(out, core::to_string(image));
    out += ':';
    append_prompts(out, !usable && goes_on ? from_.prompts(image) : recorded[image]);
  }
  return out + "}";
}

void importer::take_job(const old_job& j) {
  if (j.images.empty()) {
    --report_[import_kind::jobs].imported;
    return leave_out(import_kind::jobs, j.id, "its list of images is empty or malformed");
  }
  imported_job out;
  auto& r = out.record;
  r.id.value = j.id;
  r.mode = j.mode;
  r.image_ids = j.images;
  r.image_filenames = j.names;
  r.created_at = j.created_at;
  r.started_at = j.started_at;
  r.completed_at = j.completed_at;
  r.error = j.error;
  const bool open = j.status == "queued" || j.status == "running";
  if (open && options_.requeue) {
    ++report_.requeued_jobs;
    r.status = core::job_status::queued;
    r.started_at.reset();
    r.completed_at.reset();
    r.error.reset();
  } else {
    const auto status = open ? core::job_status::failed
                             : core::parse_job_status(j.status).value_or(core::job_status::queued);
    if (!core::is_terminal(status))
      throw import_error("the source has an unknown job status " + j.status);
    r.status = status;
    r.current_index = static_cast<std::int32_t>(j.images.size());
  }
  if (r.status == core::job_status::failed) {
    if (open) {
      ++report_.failed_jobs;
      r.error = unfinished;
      r.completed_at = options_.now;
    }
    if (!r.error || r.error->empty()) r.error = "failed before it was imported";
    for (const auto& image : std::set<core::image_id>(j.images.begin(), j.images.end()))
      if (!j.with_result.contains(image)) out.failed_images.push_back(image.value);
    r.failed_count = static_cast<std::int32_t>(out.failed_images.size());
  }
  out.snapshot = snapshot_of(j);
  to_.add(out);
}

void importer::take_result(const old_result& r) {
  auto& counts = report_[import_kind::results];
  if (from_.is_superseded(r.id)) {
    --counts.imported;
    return leave_out(import_kind::results, r.id,
                     "job " + core::to_string(r.job) + " has a newer one of this image");
  }
  auto rebuilt = rebuild_result(r, files_, codec_);
  if (!rebuilt.detections && !options_.allow_missing) {
    --counts.imported;
    return leave_out(import_kind::results, r.id, rebuilt.why);
  }
  if (!rebuilt.detections) {
    report_.note(named(import_kind::results, r.id) + " has no masks: " + rebuilt.why);
  } else if (rebuilt.from_mask) {
    ++report_.from_mask;
    report_.note(named(import_kind::results, r.id) + " is the union mask: " + rebuilt.why);
  }
  core::processing_result row;
  row.id.value = r.id;
  row.job = r.job;
  row.image = r.image;
  row.mode = r.mode;
  auto bboxes = r.bboxes;
  if (rebuilt.detections) {
    row.detections = std::move(*rebuilt.detections);
    bboxes.reset();
    if (r.mode == core::segmentation_mode::find_all) bboxes = bboxes_text(row.detections);
  }
  const auto folder = "users/" + core::to_string(to_.user());
  row.mask_blob_path = folder + "/masks/" + core::to_string(r.id) + ".png";
  row.coco_json_blob_path = folder + "/coco/" + core::to_string(r.id) + ".json";
  row.model = "imported";
  row.processed_at = r.processed_at;
  to_.add(row, bboxes);
}

void importer::check_quotas() {
  const auto u = to_.read_usage();
  const auto images = u.image_count + (to_.dry_run() ? report_[import_kind::images].imported : 0);
  if (images > u.max_images)
    report_.quotas.push_back("the user has " + std::to_string(images) + " images, more than the " +
                             std::to_string(u.max_images) +
                             " allowed: uploads are refused until that changes");
  if (u.storage_bytes > u.max_storage_bytes)
    report_.quotas.push_back("the user's images take " + std::to_string(u.storage_bytes) +
                             " bytes, more than the " + std::to_string(u.max_storage_bytes) +
                             " allowed: uploads are refused until that changes");
}

}  // namespace samovar::storage
