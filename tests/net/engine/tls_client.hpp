// Certificates made on the spot and a blocking TLS client that looks at what it is shown.
#pragma once

#include <openssl/ssl.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace samovar::tests {

/// A folder with chain.pem and key.pem, removed at the end.
class certificate_files {
 public:
  certificate_files();
  ~certificate_files();
  certificate_files(const certificate_files&) = delete;
  certificate_files& operator=(const certificate_files&) = delete;
  /// Writes a new key and a self-signed certificate for it that names `common_name`.
  void make(const std::string& common_name);
  /// The same, but the key on file belongs to another certificate.
  void make_mismatch(const std::string& common_name);
  std::filesystem::path chain() const { return folder_ / "chain.pem"; }
  std::filesystem::path key() const { return folder_ / "key.pem"; }

 private:
  std::filesystem::path folder_;
};

/// Throws std::runtime_error when the connection or the handshake fails.
class tls_client {
 public:
  explicit tls_client(std::uint16_t port, int version_max = TLS1_3_VERSION);
  ~tls_client();
  tls_client(const tls_client&) = delete;
  tls_client& operator=(const tls_client&) = delete;
  void send(std::string_view bytes);
  /// Up to and with `end`; what was read so far when the connection ends or 10 s pass.
  std::string read_until(std::string_view end);
  std::string read_bytes(std::size_t n);
  /// Sends a request and gives head and body of the answer (Content-Length only).
  std::string ask(std::string_view request);
  /// True when the server ended the session with close_notify, not just the connection.
  bool ends_cleanly();
  std::string common_name() const;
  std::string version() const { return SSL_get_version(ssl_.get()); }
  std::string alpn() const;

 private:
  bool fill();
  int socket_ = -1;
  std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context_{nullptr, SSL_CTX_free};
  std::unique_ptr<SSL, void (*)(SSL*)> ssl_{nullptr, SSL_free};
  std::string buffer_;
};

}  // namespace samovar::tests
