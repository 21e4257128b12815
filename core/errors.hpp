// Error codes and the outcome type used by every room.
//
// An `error` is what a person or a client may see: one clear sentence, a stable code and, for
// validation errors, the field. It never carries SQL, file-system paths or stack traces.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace samovar::core {

/// Stable machine-readable codes; `to_string` gives the snake_case name used as `"code"` in JSON,
/// `http_status` the status it maps to.
enum class error_code : std::uint8_t {
  malformed_request,      // 400
  invalid_geometry,       // 400
  no_valid_images,        // 400 "No valid image IDs provided"
  nothing_to_process,     // 400 "No images need processing"
  unsupported_prompt,     // 400 e.g. text with the classical segmenter
  not_signed_in,          // 401
  invalid_credentials,    // 401
  forbidden,              // 403
  read_only_key,          // 403
  csrf_failed,            // 403
  not_found,              // 404
  link_invalid,           // 404 an invite or reset link: unknown, used or expired
  method_not_allowed,     // 405
  request_timeout,        // 408
  conflict,               // 409
  image_quota_reached,    // 409
  email_taken,            // 409
  length_required,        // 411
  payload_too_large,      // 413
  unsupported_image,      // 415
  range_not_satisfiable,  // 416
  validation_failed,      // 422
  idempotency_mismatch,   // 422
  header_too_large,       // 431
  rate_limited,           // 429
  internal,               // 500
  unavailable,            // 503
  draining,               // 503
  storage_quota_reached,  // 507
  storage_full,           // 507
};

std::string_view to_string(error_code code);
/// HTTP status for the code, as http-api.md lists them.
int http_status(error_code code);

struct error {
  error_code code = error_code::internal;
  std::string detail;  ///< one clear sentence, safe to show
  std::string field;   ///< JSON field or parameter name for validation errors, else empty

  friend bool operator==(const error&, const error&) = default;
};

inline error make_error(error_code code, std::string detail, std::string field = {}) {
  return {code, std::move(detail), std::move(field)};
}

/// A value or an error; a small std::expected for C++20.
template <class T>
class outcome {
 public:
  outcome(T value) : value_(std::in_place_index<0>, std::move(value)) {}
  outcome(error e) : value_(std::in_place_index<1>, std::move(e)) {}

  bool ok() const noexcept { return value_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }
  /// Precondition: ok(). Throws std::bad_variant_access otherwise.
  T& value() & { return std::get<0>(value_); }
  const T& value() const& { return std::get<0>(value_); }
  T&& value() && { return std::get<0>(std::move(value_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  /// Precondition: !ok().
  const error& failure() const { return std::get<1>(value_); }

 private:
  std::variant<T, error> value_;
};

struct done {
  friend bool operator==(done, done) = default;
};
/// For operations that only succeed or fail.
using status = outcome<done>;

}  // namespace samovar::core
