#include "net/tls_certificate.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace samovar::net {

namespace {

/// TLS 1.2: forward secrecy and authenticated encryption only; 1.3 knows nothing else.
constexpr const char* ciphers_of_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20";

core::error bad(const std::string& sentence) {
  return core::make_error(core::error_code::validation_failed, sentence);
}

/// "http.tls_key: /etc/x.pem: sentence"
core::error bad_file(const char* setting, const std::filesystem::path& file,
                     const std::string& sentence) {
  return bad(std::string(setting) + ": " + file.string() + ": " + sentence);
}

/// OpenSSL's reason; the first of its queue is the root of the others.
std::string reason() {
  const auto code = ERR_peek_error();
  const char* text = ERR_reason_error_string(code);
  ERR_clear_error();
  return text ? text : "not understood";
}

/// Empty when the file can be opened; OpenSSL's own words for this are hard to read.
std::string why_unreadable(const std::filesystem::path& file) {
  std::FILE* f = std::fopen(file.c_str(), "re");
  if (!f) return std::strerror(errno);
  const int first = std::fgetc(f);
  std::string why = first == EOF ? (std::ferror(f) ? std::strerror(errno) : "is empty") : "";
  std::fclose(f);
  return why;
}

/// Never asks at a terminal.
int no_passphrase(char*, int, int, void*) { return 0; }

int pick_http11(SSL*, const unsigned char** out, unsigned char* out_size,
                const unsigned char* offered, unsigned offered_size, void*) {
  static constexpr unsigned char ours[] = "\x08http/1.1";
  unsigned char* picked = nullptr;
  if (SSL_select_next_proto(&picked, out_size, ours, sizeof ours - 1, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  *out = picked;
  return SSL_TLSEXT_ERR_OK;
}

void set_manners(SSL_CTX* c) {
  SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(c, ciphers_of_1_2);
  SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                             SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE |
                             SSL_OP_PRIORITIZE_CHACHA);
  // Idle connections hold no buffers; a write may be tried again from another place.
  SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                          SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Resumption by tickets, which cost the server nothing; no table of sessions.
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(c, pick_http11, nullptr);
  SSL_CTX_set_default_passwd_cb(c, no_passphrase);
}

std::string expiry(SSL_CTX* c) {
  const X509* leaf = SSL_CTX_get0_certificate(c);
  std::tm tm{};
  if (!leaf || ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &tm) != 1) return "?";
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &tm);
  return text.data();
}

}  // namespace

void ssl_deleter::operator()(ssl_st* s) const noexcept { SSL_free(s); }

tls_certificate::tls_certificate(std::filesystem::path chain, std::filesystem::path key)
    : chain_(std::move(chain)), key_(std::move(key)) {
  if (chain_.empty()) throw std::runtime_error("http.tls_certificate is needed with http.tls_key");
  if (key_.empty()) throw std::runtime_error("http.tls_key is needed with http.tls_certificate");
  chain_stamp_ = stamp_of(chain_);
  key_stamp_ = stamp_of(key_);
  auto loaded = load();
  if (!loaded.ok()) throw std::runtime_error(loaded.failure().detail);
  context_ = std::move(loaded).value();
}

tls_certificate::~tls_certificate() = default;

tls_certificate::stamp tls_certificate::stamp_of(const std::filesystem::path& file) {
  struct stat s {};
  if (::stat(file.c_str(), &s) != 0) return {};
  return {s.st_mtim.tv_sec * 1'000'000'000LL + s.st_mtim.tv_nsec,
          static_cast<std::uint64_t>(s.st_size), s.st_ino};
}

core::outcome<std::shared_ptr<ssl_ctx_st>> tls_certificate::load() const {
  constexpr const char* chain_setting = "http.tls_certificate";
  constexpr const char* key_setting = "http.tls_key";
  if (const auto why = why_unreadable(chain_); !why.empty())
    return bad_file(chain_setting, chain_, why);
  if (const auto why = why_unreadable(key_); !why.empty()) return bad_file(key_setting, key_, why);
  ERR_clear_error();
  const std::shared_ptr<SSL_CTX> c(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  if (!c) return bad("TLS cannot be set up: " + reason());
  set_manners(c.get());
  if (SSL_CTX_use_certificate_chain_file(c.get(), chain_.c_str()) != 1)
    return bad_file(chain_setting, chain_, "is no usable PEM certificate: " + reason());
  if (SSL_CTX_use_PrivateKey_file(c.get(), key_.c_str(), SSL_FILETYPE_PEM) != 1) {
    const bool mismatch = ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_X509;
    if (!mismatch)
      return bad_file(key_setting, key_,
                      "is no usable PEM key (it must have no passphrase): " + reason());
    ERR_clear_error();
    return bad_file(key_setting, key_, "does not belong to the certificate " + chain_.string());
  }
  if (SSL_CTX_check_private_key(c.get()) != 1)
    return bad_file(key_setting, key_, "does not belong to the certificate " + chain_.string());
  return c;
}

ssl_ptr tls_certificate::new_session() const {
  const std::lock_guard lock(mutex_);
  ssl_ptr s(SSL_new(context_.get()));
  if (s) SSL_set_accept_state(s.get());
  return s;
}

void tls_certificate::announce() const {
  std::shared_ptr<SSL_CTX> c;
  {
    const std::lock_guard lock(mutex_);
    c = context_;
  }
  const X509* leaf = SSL_CTX_get0_certificate(c.get());
  spdlog::info("TLS: certificate {} is in use, valid until {}", chain_.string(), expiry(c.get()));
  if (leaf && X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0)
    spdlog::warn("TLS: the certificate {} has expired", chain_.string());
}

tls_certificate::renewal tls_certificate::renew(bool asked) {
  const auto chain = stamp_of(chain_);
  const auto key = stamp_of(key_);
  if (!asked && chain == chain_stamp_ && key == key_stamp_) return renewal::unchanged;
  // Noted before reading: files that change meanwhile, or one after the other, are read again.
  chain_stamp_ = chain;
  key_stamp_ = key;
  auto loaded = load();
  if (!loaded.ok()) {
    spdlog::error("TLS: the certificate in use stays, the new one cannot be used: {}",
                  loaded.failure().detail);
    return renewal::refused;
  }
  {
    const std::lock_guard lock(mutex_);
    context_ = std::move(loaded).value();
  }
  announce();
  return renewal::exchanged;
}

}  // namespace samovar::net
