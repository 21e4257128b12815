#include "net/upload.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <new>
#include <utility>

namespace samovar::net {

struct upload::hasher {
  EVP_MD_CTX* context = EVP_MD_CTX_new();

  hasher() {
    if (!context || EVP_DigestInit_ex(context, EVP_sha256(), nullptr) != 1) throw std::bad_alloc();
  }
  ~hasher() { EVP_MD_CTX_free(context); }
  hasher(const hasher&) = delete;
  hasher& operator=(const hasher&) = delete;

  void add(std::string_view bytes) { EVP_DigestUpdate(context, bytes.data(), bytes.size()); }
  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    EVP_DigestFinal_ex(context, digest.data(), &size);
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (unsigned i = 0; i < size; ++i) {
      out.push_back(digits[digest[i] >> 4]);
      out.push_back(digits[digest[i] & 15]);
    }
    return out;
  }
};

upload::upload(core::blob_store& blobs, const std::string& boundary, std::uint64_t bytes_max)
    : blobs_(blobs),
      bytes_max_(bytes_max),
      parser_(boundary, {[this](const part_info& p) { begin_part(p); },
                         [this](std::string_view d) { data(d); }, [this] { end_part(); }}) {}

upload::~upload() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!file_.path.empty()) {
    std::error_code ec;  // a leftover is the blob store's sweeper's to find
    std::filesystem::remove(file_.path, ec);
  }
}

void upload::fail(core::error e) {
  if (failed_) return;
  failed_ = true;
  error_ = std::move(e);
}

void upload::begin_part(const part_info& info) {
  in_file_ = info.name == "file" && !failed_;
  if (!in_file_) return;
  if (have_file_) {
    fail(core::make_error(core::error_code::validation_failed,
                          "Exactly one part named \"file\" is expected", "file"));
    in_file_ = false;
    return;
  }
  have_file_ = true;
  file_.filename = info.filename;
  open();
}

void upload::open() {
  hash_ = std::make_unique<hasher>();
  file_.path = blobs_.new_spool_file();
  descriptor_ = ::open(file_.path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (descriptor_ >= 0) return;
  spdlog::error("an upload's spool file could not be created (errno {})", errno);
  fail(core::make_error(core::error_code::storage_full, "The server could not store the upload"));
}

void upload::data(std::string_view bytes) {
  if (!in_file_ || failed_) return;
  file_.byte_size += bytes.size();
  if (file_.byte_size > bytes_max_) {
    fail(core::make_error(core::error_code::payload_too_large,
                          "The file is larger than " + std::to_string(bytes_max_) + " bytes"));
    return;
  }
  hash_->add(bytes);
  while (!bytes.empty()) {
    const auto n = ::write(descriptor_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      spdlog::error("an upload could not be written (errno {})", errno);
      fail(core::make_error(core::error_code::storage_full,
                            "The server has no room to store the upload"));
      return;
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void upload::end_part() { in_file_ = false; }

core::status upload::feed(std::string_view bytes) {
  if (!failed_ && !parser_.feed(bytes)) fail(parser_.failure());
  if (failed_) return error_;
  return core::done{};
}

core::outcome<uploaded_file> upload::take() {
  if (!failed_ && !parser_.finished())
    fail(core::make_error(core::error_code::malformed_request,
                          "The multipart body ends before its closing boundary"));
  if (!failed_ && !have_file_)
    fail(core::make_error(core::error_code::validation_failed,
                          "The form has no part named \"file\"", "file"));
  if (failed_) return error_;
  if (::close(std::exchange(descriptor_, -1)) != 0) {
    fail(core::make_error(core::error_code::storage_full,
                          "The server has no room to store the upload"));
    return error_;
  }
  file_.sha256 = hash_->hex();
  uploaded_file out = std::move(file_);
  file_.path.clear();
  return out;
}

}  // namespace samovar::net
