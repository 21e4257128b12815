// Streaming multipart/form-data (RFC 7578, RFC 2046 5.1). Pure: bytes in, parts out; what it holds
// is bounded by limits::multipart_header_bytes_max plus the boundary.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/errors.hpp"

namespace samovar::net {

struct part_info {
  std::string name;      ///< form field
  std::string filename;  ///< cleaned: valid UTF-8, no path parts; as long as the headers allow
  bool has_filename = false;
};

/// The boundary of a Content-Type; validation_failed (field "file") when it is not
/// multipart/form-data, malformed_request when there is no legal boundary (1-70 characters).
core::outcome<std::string> multipart_boundary(std::string_view content_type);

/// Last path component, valid UTF-8 (bad bytes become '_'), without control characters.
std::string clean_filename(std::string_view raw);

class multipart_parser {
 public:
  struct callbacks {
    std::function<void(const part_info&)> part;
    std::function<void(std::string_view)> data;  ///< of the part announced last
    std::function<void()> part_end;
  };
  multipart_parser(const std::string& boundary, callbacks calls);

  /// False on the first error, then and ever after; `failure` says what was wrong.
  bool feed(std::string_view bytes);
  /// The closing boundary was seen.
  bool finished() const noexcept { return state_ == state::epilogue; }
  const core::error& failure() const noexcept { return error_; }

 private:
  enum class state { preamble, boundary_line, headers, data, epilogue, failed };
  bool step();  ///< false when more bytes are needed (or it is over)
  bool skip_or_emit(bool emit);
  bool boundary_line();
  bool headers();
  bool parse_headers(std::string_view block);
  bool fail(std::string detail);

  callbacks calls_;
  std::string delimiter_;  ///< CRLF "--" boundary
  std::string held_;
  std::size_t pos_ = 0;
  state state_ = state::preamble;
  core::error error_;
};

}  // namespace samovar::net
