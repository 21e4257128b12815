// The abstract ports through which actors and net reach storage and model. main.cpp plugs the real
// ones in; tests plug in fakes.
//
// Threading: every port may be called from several threads at once, except `job_log` (one thread:
// the persistence actor) and `unit_runner` (one thread per instance: its device worker).
// Errors: a port returns `outcome` for what a client may cause, and throws `store_unavailable` when
// the database is away. Anything else thrown is a bug and becomes a 500.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/account_ports.hpp"
#include "core/accounts.hpp"
#include "core/cancel_token.hpp"
#include "core/detections.hpp"
#include "core/errors.hpp"
#include "core/images.hpp"
#include "core/job_log.hpp"
#include "core/jobs.hpp"
#include "core/paging.hpp"
#include "core/prompts.hpp"

namespace samovar::core {

// ----------------------------------------------------------------------------------------- images

struct image_query {
  page_request paging;
  std::optional<std::string> search;  ///< case-insensitive substring of the filename
};

class image_store {
 public:
  virtual ~image_store() = default;
  /// Checks the quotas with the user's row locked: image_quota_reached (409),
  /// storage_quota_reached (507).
  virtual status insert_image(user_id actor, const image& img) = 0;
  virtual page<image> list_images(user_id actor, const image_query& q) = 0;
  virtual std::optional<image> find_image(user_id actor, image_id id) = 0;
  /// Which of `ids` are this user's, in the order given, duplicates dropped.
  virtual std::vector<image> find_images(user_id actor, std::span<const image_id> ids) = 0;
  virtual outcome<image> set_text_prompt(user_id actor, image_id id,
                                         const std::optional<std::string>& text) = 0;
  /// Deletes rows and queues the blobs in the outbox; gives the quota back.
  virtual status delete_image(user_id actor, image_id id) = 0;
};

// ------------------------------------------------------------------------------------ annotations

struct bbox_annotation {
  box_prompt prompt;
  image_id image;
  timestamp created_at{};
};

struct point_annotation {
  point_prompt prompt;
  image_id image;
  timestamp created_at{};
};

class annotation_store {
 public:
  virtual ~annotation_store() = default;
  /// not_found "Image not found"; geometry errors as check_box gives them.
  virtual outcome<bbox_annotation> add_box(user_id actor, const bbox_annotation& a) = 0;
  virtual outcome<page<bbox_annotation>> list_boxes(user_id actor, image_id image,
                                                    std::optional<prompt_type> type,
                                                    const page_request& p) = 0;
  /// Absent members stay as they are. not_found "Annotation not found".
  virtual outcome<bbox_annotation> change_box(user_id actor, annotation_id id,
                                              const std::function<void(box_prompt&)>& edit) = 0;
  virtual status delete_box(user_id actor, annotation_id id) = 0;

  virtual outcome<point_annotation> add_point(user_id actor, const point_annotation& a) = 0;
  virtual outcome<page<point_annotation>> list_points(user_id actor, image_id image,
                                                      const page_request& p) = 0;
  virtual status delete_point(user_id actor, point_id id) = 0;
};

// -------------------------------------------------------------------------------- jobs (reading)

class job_store {
 public:
  virtual ~job_store() = default;
  virtual page<job> list_jobs(user_id actor, std::optional<job_status> status,
                              const page_request& p) = 0;
  virtual std::optional<job> find_job(user_id actor, job_id id) = 0;
  virtual queue_summary summarize_queue(user_id actor) = 0;
  /// Per image in the job's order, whatever `p` says of order; its cursors count images (their
  /// time is as many microseconds). `running` is never reported here: only the session knows.
  /// not_found "Job not found".
  virtual outcome<page<job_image_state>> list_job_images(user_id actor, job_id id,
                                                         const page_request& p) = 0;
  /// The images that failed, in no order; none when there is no such job.
  virtual std::vector<image_id> failed_images(user_id actor, job_id id) = 0;
};

/// The newest results of the first `images_done` images that were asked for, in their order; an
/// image without one is left out.
struct result_run {
  std::vector<processing_result> results;
  std::size_t images_done = 0;
};

/// What is read one by one comes without its prompts: they are part of its job's snapshot, which
/// holds those of all images of the job and is read as a whole.
class result_store {
 public:
  virtual ~result_store() = default;
  virtual std::optional<processing_result> find_result(user_id actor, result_id id) = 0;
  virtual std::optional<processing_result> newest_result(user_id actor, image_id image,
                                                         segmentation_mode mode) = 0;
  /// Of many images at once; ends before all are done rather than hold too much in memory, and
  /// always does one at least.
  virtual result_run newest_results(user_id actor, std::span<const image_id> images,
                                    segmentation_mode mode) = 0;
  /// Fills in `prompts`. The snapshot of each job is read once for all its results.
  virtual void add_prompts(user_id actor, std::span<processing_result> results) = 0;
  /// History with prompts, newest first; of one image, or of all when `image` is nullopt.
  virtual page<processing_result> list_results(user_id actor, std::optional<image_id> image,
                                               const page_request& p) = 0;
};

// ------------------------------------------------------------------------------------------ blobs

/// Whole-object store with keys such as "users/<id>/images/<id>.jpg".
class blob_store {
 public:
  virtual ~blob_store() = default;
  /// A fresh path for an upload in progress, on the store's own file system.
  virtual std::filesystem::path new_spool_file() = 0;
  /// Durable when it returns; consumes the spool file. storage_full (507) on a full disk.
  virtual status put_file(const std::string& key, const std::filesystem::path& spool_file) = 0;
  virtual status put_bytes(const std::string& key, std::string_view bytes) = 0;
  virtual std::optional<std::string> read(const std::string& key) = 0;
  /// At most `count` bytes from `offset`; nullopt when absent.
  virtual std::optional<std::string> read_range(const std::string& key, std::uint64_t offset,
                                                std::size_t count) = 0;
  virtual std::optional<std::uint64_t> size_of(const std::string& key) = 0;
  virtual void remove(const std::string& key) = 0;  ///< absent is fine
  virtual std::uint64_t free_bytes() = 0;
};

// ------------------------------------------------------------------------------------------ model

/// Decoding, thumbnails and mask renderings. Pure CPU work; call it on the pool.
class image_codec {
 public:
  virtual ~image_codec() = default;
  /// Decodes fully and bounded: unsupported_image (415) for what is not an image, truncated, or a
  /// kind not handled; payload_too_large (413) when over the pixel limits (from the header, before
  /// pixels are allocated).
  virtual outcome<image_facts> inspect_file(const std::filesystem::path& file) = 0;
  virtual outcome<pixels> decode(std::string_view bytes) = 0;
  /// JPEG whose longer side is at most `side_px`.
  virtual outcome<std::string> thumbnail(std::string_view bytes, int side_px) = 0;
  /// 8-bit grey PNG from tightly packed row-major bytes.
  virtual std::string encode_png(std::span<const std::uint8_t> grey, int width, int height) = 0;
  /// COCO polygons [x0,y0,x1,y1,...] of the mask's outer contours; each has at least 3 points.
  virtual std::vector<std::vector<double>> polygons(const rle& mask) = 0;
};

struct segmenter_abilities {
  bool text = false;
  bool exemplars = true;
  std::string text_unavailable_reason;  ///< shown when text is false
};

/// What a device holds of an image after encoding; cached by the runner.
class encoding {
 public:
  virtual ~encoding() = default;
  virtual std::size_t bytes() const = 0;
};

/// What the device gave. Where `rest` is set, it makes the detections from what the device found
/// (masks to runs of pixels and the like): called once, on any thread, while the encoding lives.
struct segmented {
  std::vector<detection> detections;
  std::function<std::vector<detection>()> rest = {};
};

/// A model on one device. One thread at a time per instance. Throws std::bad_alloc when the
/// device's memory is too small for what was asked; the runner then asks for less at a time.
class segmenter {
 public:
  virtual ~segmenter() = default;
  /// Stored with every result, e.g. "classical/1".
  virtual std::string identity() const = 0;
  virtual segmenter_abilities abilities() const = 0;
  virtual outcome<std::shared_ptr<const encoding>> encode(std::shared_ptr<const pixels> image,
                                                          const cancel_token& cancel) = 0;
  /// inside_box: one detection per `segment` box, in order; point: one; find_all: any number, by
  /// falling score. Masks have the image's size. unsupported_prompt (400) when it can't.
  virtual outcome<std::vector<detection>> segment(const encoding& image, segmentation_mode mode,
                                                  const image_prompts& prompts,
                                                  const cancel_token& cancel) = 0;
  /// The device's part of `segment`; what it leaves for `rest` is done while the device goes on.
  virtual outcome<segmented> segment_on_device(const encoding& image, segmentation_mode mode,
                                               const image_prompts& prompts,
                                               const cancel_token& cancel) {
    auto found = segment(image, mode, prompts, cancel);
    if (!found) return found.failure();
    return segmented{std::move(*found)};
  }
};

/// One image with its prompts, as a session sends it to a device worker.
struct unit_request {
  user_id user;
  job_id job;
  image_id image;
  std::string blob_path;  ///< empty: the image was deleted; fail the unit with that reason
  std::string sha256;
  segmentation_mode mode = segmentation_mode::inside_box;
  image_prompts prompts;
};

struct unit_output {
  std::vector<detection> detections;
  std::string model;
  double device_ms = 0.0;  ///< the device's own time: encoding and segmenting, nothing else
};

/// What went wrong with a unit, and whose fault it was.
struct unit_failure {
  std::string reason;      ///< one sentence, safe to show
  bool retryable = false;  ///< fault of the machine, not of the input
  double device_ms = 0.0;  ///< spent all the same
};

using unit_result = std::variant<unit_output, unit_failure>;
inline double device_ms_of(const unit_result& r) {
  return std::visit([](const auto& ended) { return ended.device_ms; }, r);
}

/// Runs units on one device: fetch, decode, encode (cached), segment. Blocks; one thread. What is
/// not the device's own work may be done on other threads, so that the device doesn't wait for it.
class unit_runner {
 public:
  virtual ~unit_runner() = default;  ///< waits for what is still being finished
  virtual std::string identity() const = 0;
  virtual unit_result run(const unit_request& unit, const cancel_token& cancel) = 0;

  /// A hint: this unit will be run soon. Begins to fetch and decode its image; returns at once.
  virtual void prepare(const std::shared_ptr<const unit_request>&) {}
  /// Returns when the device is free for the next unit. `done` is called once, on this thread or
  /// on another one, maybe later. When this throws, `done` was not called and will not be.
  virtual void start(const std::shared_ptr<const unit_request>& unit, const cancel_token& cancel,
                     std::function<void(unit_result)> done) {
    done(run(*unit, cancel));
  }
};

}  // namespace samovar::core
