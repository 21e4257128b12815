// One multipart upload on its way to disk: parses, hashes and writes what the session hands over.
// Used by one thread at a time (the pool); no sockets here.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "core/errors.hpp"
#include "core/ports.hpp"
#include "net/exchange.hpp"
#include "net/multipart.hpp"

namespace samovar::net {

class upload {
 public:
  /// `bytes_max` bounds the file. The spool file is created with the first part named "file" and
  /// removed by the destructor unless take() gave it away.
  upload(core::blob_store& blobs, const std::string& boundary, std::uint64_t bytes_max);
  ~upload();
  upload(const upload&) = delete;
  upload& operator=(const upload&) = delete;

  /// Blocks on the file. The first failure is final.
  core::status feed(std::string_view bytes);
  /// After the last byte of the body. validation_failed (field "file") without a file part.
  core::outcome<uploaded_file> take();

 private:
  struct hasher;
  void begin_part(const part_info& info);
  void data(std::string_view bytes);
  void end_part();
  void fail(core::error e);
  void open();

  core::blob_store& blobs_;
  std::uint64_t bytes_max_;
  multipart_parser parser_;
  std::unique_ptr<hasher> hash_;
  uploaded_file file_;
  int descriptor_ = -1;
  bool in_file_ = false;
  bool have_file_ = false;
  bool failed_ = false;
  core::error error_;
};

}  // namespace samovar::net
