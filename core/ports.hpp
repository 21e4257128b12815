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
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/accounts.hpp"
#include "core/cancel_token.hpp"
#include "core/detections.hpp"
#include "core/errors.hpp"
#include "core/images.hpp"
#include "core/jobs.hpp"
#include "core/prompts.hpp"

namespace samovar::core {

/// The database cannot be reached (or the pool is exhausted) just now; retry later.
struct store_unavailable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// ---------------------------------------------------------------------------------------- lists

/// Keyset position: the last row of the page before, in (created_at, id) order.
struct cursor {
  timestamp at{};
  uuid id;
  friend bool operator==(const cursor&, const cursor&) = default;
};

struct page_request {
  std::size_t limit = 1000;  ///< 1..limits::list_page_max
  std::optional<cursor> after;
  bool oldest_first = false;
};

template <class T>
struct page {
  std::vector<T> items;
  std::optional<cursor> next;  ///< set when there may be more
  std::int64_t total = 0;      ///< all that match, or 0 where the list is an array (no total)
};

// --------------------------------------------------------------------------------------- secrets

/// Password hashing, digests and randomness (libsodium).
class secrets {
 public:
  virtual ~secrets() = default;
  /// argon2id; slow (50-100 ms) by design.
  virtual std::string hash_password(std::string_view password) const = 0;
  virtual bool verify_password(const std::string& hash, std::string_view password) const = 0;
  /// Spends the time of a verification; used when the account does not exist.
  virtual void waste_verification(std::string_view password) const = 0;
  /// 256 random bits, base64url without padding (43 characters).
  virtual std::string random_token() const = 0;
  virtual std::uint64_t random_u64() const = 0;
  /// 32 bytes.
  virtual std::string sha256(std::string_view data) const = 0;
};

// --------------------------------------------------------------------------------------- accounts

struct new_user {
  user_id id;
  std::string email;  ///< normalised
  std::string display_name;
  std::optional<std::string> password_hash;
  role rights = role::user;
};

struct login_record {
  user_id id;
  std::optional<std::string> password_hash;
  bool disabled = false;
};

/// Users, API keys and web sessions. Lookups by secret take the SHA-256 of it (32 bytes).
class account_store {
 public:
  virtual ~account_store() = default;
  virtual std::int64_t count_users() = 0;
  /// email_taken (409) when the address exists.
  virtual status create_user(const new_user& u) = 0;
  /// Creates the first admin; conflict (409) when any user exists. Atomic.
  virtual status create_first_admin(const new_user& u) = 0;
  virtual std::optional<login_record> find_login(const std::string& email) = 0;
  /// With image_count, storage_bytes, running_jobs. nullopt when absent.
  virtual std::optional<user> find_user(user_id id) = 0;
  virtual std::vector<user> list_users() = 0;
  virtual status set_display_name(user_id id, const std::string& name) = 0;
  /// Also ends every web session of the user except `keep`.
  virtual status set_password_hash(user_id id, const std::string& hash,
                                   std::optional<web_session_id> keep) = 0;
  /// Disables or enables; disabling ends the web sessions.
  virtual status set_disabled(user_id id, bool disabled) = 0;
  /// All or nothing; answers with the user after the change. not_found when absent.
  virtual outcome<user> change_user(user_id id, const user_changes& changes) = 0;
  /// Deletes the user with all rows and queues every blob in the outbox. not_found when absent.
  virtual status delete_user(user_id id) = 0;

  virtual status create_api_key(const api_key& key, const std::string& secret_sha256) = 0;
  virtual std::vector<api_key> list_api_keys(user_id owner) = 0;
  /// not_found when it is not this user's.
  virtual status delete_api_key(user_id owner, api_key_id id) = 0;
  /// nullopt when unknown, expired, or the user is disabled.
  virtual std::optional<acting_user> find_by_api_key(const std::string& secret_sha256) = 0;
  virtual void touch_api_key(api_key_id id) = 0;

  virtual status create_web_session(const web_session& s, const std::string& token_sha256) = 0;
  /// nullopt when unknown, expired (absolute or idle), or the user is disabled. Marks it as seen.
  virtual std::optional<acting_user> find_by_web_session(const std::string& token_sha256) = 0;
  virtual void delete_web_session(user_id owner, web_session_id id) = 0;
};

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
  /// Per image in the job's order. `running` is never reported here: only the session knows.
  virtual outcome<std::vector<job_image_state>> list_job_images(user_id actor, job_id id) = 0;
};

class result_store {
 public:
  virtual ~result_store() = default;
  virtual std::optional<processing_result> find_result(user_id actor, result_id id) = 0;
  virtual std::optional<processing_result> newest_result(user_id actor, image_id image,
                                                         segmentation_mode mode) = 0;
  /// History, newest first; of one image, or of all when `image` is nullopt.
  virtual page<processing_result> list_results(user_id actor, std::optional<image_id> image,
                                               const page_request& p) = 0;
};

// -------------------------------------------------------------------------------- jobs (writing)

struct create_job {
  job_id id;
  user_id user;
  segmentation_mode mode = segmentation_mode::inside_box;
  std::vector<image_id> image_ids;  ///< as asked; unknown and duplicate ones are dropped
  bool force_all = false;
  std::int32_t priority = 0;
  std::optional<std::string> idempotency_key;
  std::string request_hash;  ///< SHA-256 of the canonical request, with idempotency_key
  timestamp at{};
};
struct start_job {
  user_id user;
  job_id job;
  timestamp at{};
};
/// One image ended well. The row's id, blob paths etc. are in `result`.
struct record_result {
  user_id user;
  job_id job;
  std::shared_ptr<const processing_result> result;
};
/// One image failed for good.
struct record_failure {
  user_id user;
  job_id job;
  image_id image;
  std::int32_t attempts = 1;
  std::string reason;
  timestamp at{};
};
struct cancel_job {
  user_id user;
  job_id job;
  timestamp at{};
};
struct set_job_priority {
  user_id user;
  job_id job;
  std::int32_t priority = 0;
};

using write_command = std::variant<create_job, start_job, record_result, record_failure, cancel_job,
                                   set_job_priority>;
user_id user_of(const write_command& c);

/// The job as it stands after the commit.
struct job_written {
  /// image_ids and image_filenames are filled only for create_job (they never change, and copying
  /// ten thousand names after each image would be the most expensive part of a commit).
  job record;
  std::shared_ptr<const job_inputs> inputs;  ///< only for create_job
  bool existed = false;  ///< create_job with a known idempotency key: nothing was written
  /// The image had been recorded before by somebody else: nothing was written. A row that was
  /// given again after a commit in doubt is not a duplicate of itself.
  bool duplicate = false;
  int max_concurrent_jobs = 1;  ///< only for create_job: the user's limit as read
  double share_weight = 1.0;    ///< only for create_job
};
/// not_found for an unknown job, conflict for a state or a fencing token that does not match.
using write_outcome = outcome<job_written>;

/// An unfinished job found at recovery.
struct open_job {
  job record;
  std::shared_ptr<const job_inputs> inputs;
  std::vector<image_id> ended;  ///< images with a result or a recorded failure
  int max_concurrent_jobs = 1;
  double share_weight = 1.0;
};

/// The write side of jobs and results: group commit (data.md, Writes). One thread.
/// A result or failure that is the last of its job also moves the job to its final status, in the
/// same commit.
class job_log {
 public:
  virtual ~job_log() = default;
  /// Takes a new epoch (fencing token, boot number) from the database's sequence.
  virtual std::int64_t begin_epoch() = 0;
  /// One transaction for all; when it fails, each command alone. outcomes.size() ==
  /// commands.size(). Throws store_unavailable when the database is away: then nothing may be
  /// assumed, and the same commands can be given again (they are idempotent).
  virtual std::vector<write_outcome> commit(std::span<const write_command> commands) = 0;
  /// Every non-terminal job (of one user, or of all), oldest first, taken over by this epoch.
  virtual std::vector<open_job> take_open_jobs(std::optional<user_id> user) = 0;
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

/// A model on one device. One thread at a time per instance.
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
  double device_ms = 0.0;
};

/// What went wrong with a unit, and whose fault it was.
struct unit_failure {
  std::string reason;      ///< one sentence, safe to show
  bool retryable = false;  ///< fault of the machine, not of the input
};

/// Runs units on one device: fetch, decode, encode (cached), segment. Blocks; one thread.
class unit_runner {
 public:
  virtual ~unit_runner() = default;
  virtual std::string identity() const = 0;
  virtual std::variant<unit_output, unit_failure> run(const unit_request& unit,
                                                      const cancel_token& cancel) = 0;
};

}  // namespace samovar::core
