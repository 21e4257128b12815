#include "core/errors.hpp"

namespace samovar::core {

std::string_view to_string(error_code code) {
  switch (code) {
    case error_code::malformed_request: return "malformed_request";
    case error_code::invalid_geometry: return "invalid_geometry";
    case error_code::no_valid_images: return "no_valid_images";
    case error_code::nothing_to_process: return "nothing_to_process";
    case error_code::unsupported_prompt: return "unsupported_prompt";
    case error_code::not_signed_in: return "not_signed_in";
    case error_code::invalid_credentials: return "invalid_credentials";
    case error_code::forbidden: return "forbidden";
    case error_code::read_only_key: return "read_only_key";
    case error_code::csrf_failed: return "csrf_failed";
    case error_code::not_found: return "not_found";
    case error_code::link_invalid: return "link_invalid";
    case error_code::method_not_allowed: return "method_not_allowed";
    case error_code::request_timeout: return "request_timeout";
    case error_code::conflict: return "conflict";
    case error_code::image_quota_reached: return "image_quota_reached";
    case error_code::email_taken: return "email_taken";
    case error_code::length_required: return "length_required";
    case error_code::payload_too_large: return "payload_too_large";
    case error_code::unsupported_image: return "unsupported_image";
    case error_code::range_not_satisfiable: return "range_not_satisfiable";
    case error_code::validation_failed: return "validation_failed";
    case error_code::idempotency_mismatch: return "idempotency_mismatch";
    case error_code::header_too_large: return "header_too_large";
    case error_code::rate_limited: return "rate_limited";
    case error_code::internal: return "internal";
    case error_code::unavailable: return "unavailable";
    case error_code::draining: return "draining";
    case error_code::storage_quota_reached: return "storage_quota_reached";
    case error_code::storage_full: return "storage_full";
  }
  return "internal";
}

int http_status(error_code code) {
  switch (code) {
    case error_code::malformed_request:
    case error_code::invalid_geometry:
    case error_code::no_valid_images:
    case error_code::nothing_to_process:
    case error_code::unsupported_prompt: return 400;
    case error_code::not_signed_in:
    case error_code::invalid_credentials: return 401;
    case error_code::forbidden:
    case error_code::read_only_key:
    case error_code::csrf_failed: return 403;
    case error_code::not_found:
    case error_code::link_invalid: return 404;
    case error_code::method_not_allowed: return 405;
    case error_code::request_timeout: return 408;
    case error_code::conflict:
    case error_code::image_quota_reached:
    case error_code::email_taken: return 409;
    case error_code::length_required: return 411;
    case error_code::payload_too_large: return 413;
    case error_code::unsupported_image: return 415;
    case error_code::range_not_satisfiable: return 416;
    case error_code::validation_failed:
    case error_code::idempotency_mismatch: return 422;
    case error_code::rate_limited: return 429;
    case error_code::header_too_large: return 431;
    case error_code::internal: return 500;
    case error_code::unavailable:
    case error_code::draining: return 503;
    case error_code::storage_quota_reached:
    case error_code::storage_full: return 507;
  }
  return 500;
}

}  // namespace samovar::core
