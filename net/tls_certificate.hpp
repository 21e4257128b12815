// The server's own TLS: one certificate chain and its key, read from files and exchanged for newer
// ones while connections live. Sessions made before keep what they were made with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "core/errors.hpp"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX and SSL
struct ssl_st;

namespace samovar::net {

struct ssl_deleter {
  void operator()(ssl_st* s) const noexcept;
};
using ssl_ptr = std::unique_ptr<ssl_st, ssl_deleter>;

class tls_certificate {
 public:
  /// PEM files: the chain, leaf first, and its key without a passphrase. Throws std::runtime_error
  /// with a sentence that names setting and file.
  tls_certificate(std::filesystem::path chain, std::filesystem::path key);
  ~tls_certificate();
  tls_certificate(const tls_certificate&) = delete;
  tls_certificate& operator=(const tls_certificate&) = delete;

  /// The server side of one connection: TLS 1.2 or 1.3. Any thread; nullptr when memory is short.
  ssl_ptr new_session() const;

  /// A log line: which certificate is in use, and until when.
  void announce() const;

  enum class renewal { unchanged, exchanged, refused };
  /// Reads the files again when they changed since the last look, or always when `asked`. A pair
  /// that can't be used is refused with a log line, and the one in use stays. Blocks on files.
  renewal renew(bool asked);

 private:
  /// What tells a new file from the old one without reading it.
  struct stamp {
    std::int64_t modified_ns = 0;
    std::uint64_t size = 0;
    std::uint64_t inode = 0;
    friend bool operator==(const stamp&, const stamp&) = default;
  };
  static stamp stamp_of(const std::filesystem::path& file);
  core::outcome<std::shared_ptr<ssl_ctx_st>> load() const;

  std::filesystem::path chain_;
  std::filesystem::path key_;
  stamp chain_stamp_;
  stamp key_stamp_;
  mutable std::mutex mutex_;  ///< of context_; the stamps belong to the one who renews
  std::shared_ptr<ssl_ctx_st> context_;
};

}  // namespace samovar::net
