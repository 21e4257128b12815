#include "tls_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <stdexcept>
#include <utility>

namespace samovar::tests {

namespace {

using key_ptr = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;
using file_ptr = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

key_ptr new_key() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

void write_key(const std::filesystem::path& file, EVP_PKEY* key) {
  const file_ptr f(std::fopen(file.c_str(), "w"), std::fclose);
  PEM_write_PrivateKey(f.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
}

void write_certificate(const std::filesystem::path& file, EVP_PKEY* key, const std::string& name) {
  const std::unique_ptr<X509, void (*)(X509*)> x(X509_new(), X509_free);
  ASN1_INTEGER_set(X509_get_serialNumber(x.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(x.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(x.get()), 3600);
  X509_set_pubkey(x.get(), key);
  X509_NAME* subject = X509_get_subject_name(x.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(x.get(), subject);
  if (X509_sign(x.get(), key, EVP_sha256()) == 0) throw std::runtime_error("no certificate");
  const file_ptr f(std::fopen(file.c_str(), "w"), std::fclose);
  PEM_write_X509(f.get(), x.get());
}

}  // namespace

certificate_files::certificate_files() {
  std::string name = (std::filesystem::temp_directory_path() / "samovar-tls-XXXXXX").string();
  if (!::mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
  folder_ = name;
}

certificate_files::~certificate_files() {
  std::error_code ec;
  std::filesystem::remove_all(folder_, ec);
}

void certificate_files::make(const std::string& common_name) {
  const auto k = new_key();
  write_key(key(), k.get());
  write_certificate(chain(), k.get(), common_name);
}

void certificate_files::make_mismatch(const std::string& common_name) {
  make(common_name);
  write_key(key(), new_key().get());
}

tls_client::tls_client(std::uint16_t port, int version_max) {
  socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
  const timeval limit{10, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(context_.get(), 0);
  SSL_CTX_set_max_proto_version(context_.get(), version_max);
  SSL_CTX_set_security_level(context_.get(), 0);
  ssl_.reset(SSL_new(context_.get()));
  SSL_set_fd(ssl_.get(), socket_);
  static constexpr unsigned char offered[] = "\x02h2\x08http/1.1";
  SSL_set_alpn_protos(ssl_.get(), offered, sizeof offered - 1);
  const bool connected = ::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  if (!connected || SSL_connect(ssl_.get()) != 1) {
    ::close(socket_);
    throw std::runtime_error("no TLS connection");
  }
}

tls_client::~tls_client() {
  SSL_shutdown(ssl_.get());
  ::close(socket_);
}

void tls_client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const int n = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

bool tls_client::fill() {
  std::array<char, 16384> piece{};
  const int n = SSL_read(ssl_.get(), piece.data(), static_cast<int>(piece.size()));
  if (n > 0) buffer_.append(piece.data(), static_cast<std::size_t>(n));
  return n > 0;
}

std::string tls_client::read_until(std::string_view end) {
  auto at = buffer_.find(end);
  while (at == std::string::npos && fill()) at = buffer_.find(end);
  if (at == std::string::npos) return std::exchange(buffer_, {});
  return read_bytes(at + end.size());
}

std::string tls_client::read_bytes(std::size_t n) {
  while (buffer_.size() < n && fill()) {
  }
  auto out = buffer_.substr(0, n);
  buffer_.erase(0, out.size());
  return out;
}

std::string tls_client::ask(std::string_view request) {
  send(request);
  auto head = read_until("\r\n\r\n");
  const auto at = head.find("Content-Length: ");
  if (at == std::string::npos) return head;
  return head + read_bytes(std::stoul(head.substr(at + 16)));
}

bool tls_client::ends_cleanly() {
  while (fill()) {
  }
  return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
}

std::string tls_client::common_name() const {
  const std::unique_ptr<X509, void (*)(X509*)> x(SSL_get1_peer_certificate(ssl_.get()), X509_free);
  std::array<char, 256> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(x.get()), NID_commonName, name.data(),
                            static_cast<int>(name.size()));
  return name.data();
}

std::string tls_client::alpn() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

}  // namespace samovar::tests
