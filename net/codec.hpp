// JSON in and out (http-api.md). Reading is strict about types and lenient about unknown fields;
// writing uses the contract's field names. Nothing here blocks.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/job_board.hpp"
#include "core/ports.hpp"
#include "net/codec_text.hpp"

namespace samovar::net {

/// Thrown inside handlers for an answer that is an error; the route wrapper turns it into JSON.
struct refused : std::exception {
  explicit refused(core::error e) : reason(std::move(e)) {}
  const char* what() const noexcept override { return reason.detail.c_str(); }
  core::error reason;
};
[[noreturn]] void refuse(core::error_code code, std::string detail, std::string field = {});

/// True when the text is well-formed UTF-8 (no surrogates, no overlong forms).
bool valid_utf8(std::string_view text);
/// Number of code points. Precondition: valid_utf8(text).
std::size_t code_points(std::string_view text);

// ---------------------------------------------------------------------------------------- reading

/// A request body that must be a JSON object. Every getter throws `refused`:
/// malformed_request (400) when the text is no JSON, validation_failed (422) naming the field when
/// a field is missing or of the wrong type. `null` counts as a wrong type unless the getter is one
/// of the `nullable_` ones. Whole numbers may be written as 3 or 3.0, not as "3"; they must fit
/// int32. Strings must hold no NUL, because the database can't store one.
class json_body {
 public:
  /// `empty_ok`: an empty body stands for {}.
  explicit json_body(std::string_view text, bool empty_ok = false);
  ~json_body();
  json_body(json_body&&) noexcept;

  bool has(const char* field) const;
  bool is_null(const char* field) const;

  std::string text(const char* field, std::size_t chars_min, std::size_t chars_max) const;
  std::int32_t integer(const char* field) const;
  std::int32_t integer_or(const char* field, std::int32_t absent) const;
  /// A whole number within the range.
  std::int32_t integer_between(const char* field, std::int32_t low, std::int32_t high) const;
  /// A number within the range.
  double number_between(const char* field, double low, double high) const;
  bool boolean_or(const char* field, bool absent) const;
  /// Absent and null both give nullopt.
  std::optional<std::string> nullable_text(const char* field, std::size_t chars_max) const;
  core::uuid id(const char* field) const;
  std::vector<core::uuid> ids(const char* field, std::size_t count_max) const;
  core::segmentation_mode mode_or(const char* field, core::segmentation_mode absent) const;
  core::prompt_type prompt_type_or(const char* field, core::prompt_type absent) const;

  /// Absent: empty. Objects {x, y, width, height, prompt_type?}; prompt_type is `segment` by
  /// default.
  std::vector<core::box_prompt> boxes_or_none(const char* field, std::size_t count_max) const;
  /// Absent: empty. Objects {x, y, is_positive?}; is_positive is true by default.
  std::vector<core::point_prompt> points_or_none(const char* field, std::size_t count_max) const;

 private:
  struct document;
  std::unique_ptr<document> document_;
};

// ---------------------------------------------------------------------------------------- writing

/// The members of a user without the braces, so that answers can add to them.
void write_user_members(json_out& out, const core::user& u);
void write_image(json_out& out, const core::image& i);
void write_annotation(json_out& out, const core::bbox_annotation& a);
void write_point_annotation(json_out& out, const core::point_annotation& a);
void write_api_key_members(json_out& out, const core::api_key& k);
void write_job_image(json_out& out, const core::job_image_state& s);
void write_history_item(json_out& out, const core::processing_result& r);
/// {size:[height,width],counts:"…"}, or counts as a list of numbers.
void write_rle(json_out& out, const core::rle& mask, bool compressed);
void write_bbox(json_out& out, const core::box& b);
/// The result in full; `codec` draws the polygons.
void write_detections(json_out& out, const std::vector<core::detection>& detections,
                      core::image_codec& codec);
std::string result_json(const core::processing_result& r, core::size image,
                        core::image_codec& codec);

std::string job_json(const core::job_view& view);
/// The job's text, rendered once per pinned state and shared.
std::shared_ptr<const std::string> job_json(const actors::pinned_job& job);

}  // namespace samovar::net
