#include "storage/backup_archive.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <vector>

namespace samovar::storage {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view trailer_mark = "\nsha256 ";
constexpr std::size_t trailer_bytes = 8 + 64 + 1;
constexpr std::size_t piece_bytes = 1024 * 1024;

constexpr const char* not_whole = "this is not a whole backup: it is truncated or was changed";

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

backup_error write_failure() {
  return backup_error(std::string{"the backup can't be written: "} + std::strerror(errno));
}

}  // namespace

struct running_digest::state {
  crypto_hash_sha256_state sodium;
};
running_digest::running_digest() : state_(std::make_unique<state>()) {
  crypto_hash_sha256_init(&state_->sodium);
}
running_digest::~running_digest() = default;
void running_digest::add(std::string_view bytes) {
  crypto_hash_sha256_update(&state_->sodium, reinterpret_cast<const unsigned char*>(bytes.data()),
                            bytes.size());
}
std::string running_digest::hex() {
  unsigned char digest[crypto_hash_sha256_BYTES];
  crypto_hash_sha256_final(&state_->sodium, digest);
  char text[sizeof digest * 2 + 1];
  sodium_bin2hex(text, sizeof text, digest, sizeof digest);
  return text;
}

struct backup_writer::state {
  int fd = -1;
  archive* tar = nullptr;
  running_digest digest;
  std::uint64_t written = 0;
  std::uint64_t synced = 0;
  int failed = 0;  ///< errno of the first write that failed; nothing is written after it

  ~state() {
    if (tar != nullptr) {
      if (failed == 0) failed = ECANCELED;  // what was not finished is not flushed either
      archive_write_free(tar);
    }
    if (fd >= 0) ::close(fd);
  }
  /// libarchive never hears of a failure: an archive that has failed forgets to free its buffer.
  static la_ssize_t write(archive*, void* self, const void* data, std::size_t size) {
    auto& s = *static_cast<state*>(self);
    const std::string_view bytes{static_cast<const char*>(data), size};
    if (s.failed == 0 && !write_all(s.fd, bytes)) s.failed = errno;
    if (s.failed == 0) {
      s.digest.add(bytes);
      s.written += size;
    }
    return static_cast<la_ssize_t>(size);
  }
  void check(la_int64_t rc) const {
    if (failed != 0)
      throw backup_error(std::string{"the backup can't be written: "} + std::strerror(failed));
    if (rc < 0)
      throw backup_error(std::string{"the backup can't be written: "} + archive_error_string(tar));
  }
};

backup_writer::backup_writer(const fs::path& file) : state_(std::make_unique<state>()) {
  auto& s = *state_;
  s.fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (s.fd < 0) throw write_failure();
  if (::flock(s.fd, LOCK_EX | LOCK_NB) != 0)
    throw backup_error("another backup is writing to this file");
  if (::ftruncate(s.fd, 0) != 0 || ::fchmod(s.fd, 0600) != 0) throw write_failure();
  s.tar = archive_write_new();
  archive_write_set_format_pax_restricted(s.tar);
  archive_write_set_bytes_per_block(s.tar, static_cast<int>(piece_bytes));
  archive_write_set_bytes_in_last_block(s.tar, 512);
  s.check(archive_write_open(s.tar, &s, nullptr, &state::write, nullptr));
}

backup_writer::~backup_writer() = default;

std::string backup_writer::add(const std::string& name, std::uint64_t size,
                               const std::function<std::string(std::uint64_t, std::size_t)>& next) {
  auto& s = *state_;
  const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry{archive_entry_new(),
                                                                       &archive_entry_free};
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0600);
  s.check(archive_write_header(s.tar, entry.get()));
  running_digest digest;
  for (std::uint64_t at = 0; at < size;) {
    const auto piece =
        next(at, static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, size - at)));
    if (piece.empty()) throw backup_error(name + " became shorter while it was read");
    digest.add(piece);
    s.check(archive_write_data(s.tar, piece.data(), piece.size()));
    at += piece.size();
  }
  s.check(archive_write_finish_entry(s.tar));
  return digest.hex();
}

std::string backup_writer::add(const std::string& name, std::string_view bytes) {
  return add(name, bytes.size(), [&](std::uint64_t offset, std::size_t count) {
    return std::string{bytes.substr(static_cast<std::size_t>(offset), count)};
  });
}

void backup_writer::finish() {
  auto& s = *state_;
  s.check(archive_write_close(s.tar));
  archive_write_free(s.tar);
  s.tar = nullptr;
  const auto trailer = std::string{trailer_mark} + s.digest.hex() + "\n";
  if (!write_all(s.fd, trailer) || ::fsync(s.fd) != 0) throw write_failure();
  s.written += trailer.size();
}

void backup_writer::sync() {
  if (::fsync(state_->fd) != 0) throw write_failure();
  state_->synced = state_->written;
}

std::uint64_t backup_writer::unsynced() const { return state_->written - state_->synced; }

std::uint64_t backup_writer::bytes() const { return state_->written; }

namespace {

/// Feeds libarchive with everything but the trailer, and digests it.
struct digesting_input {
  int fd = -1;
  std::uint64_t left = 0;
  running_digest digest;
  std::vector<char> buffer = std::vector<char>(piece_bytes);

  explicit digesting_input(const fs::path& file) : fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat s {};
    if (fd < 0 || ::fstat(fd, &s) != 0)
      throw backup_error("the backup can't be read: " + std::string{std::strerror(errno)});
    if (!S_ISREG(s.st_mode) || s.st_size <= static_cast<off_t>(trailer_bytes))
      throw backup_error(not_whole);
    left = static_cast<std::uint64_t>(s.st_size) - trailer_bytes;
  }
  ~digesting_input() {
    if (fd >= 0) ::close(fd);
  }
  digesting_input(const digesting_input&) = delete;
  digesting_input& operator=(const digesting_input&) = delete;

  std::size_t read_some(std::size_t wanted) {
    for (;;) {
      const auto n = ::read(fd, buffer.data(), std::min(wanted, buffer.size()));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0)
        throw backup_error("the backup can't be read: " + std::string{std::strerror(errno)});
      return static_cast<std::size_t>(n);
    }
  }
  std::string_view next() {
    const auto n =
        left == 0
            ? 0
            : read_some(static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size())));
    const std::string_view bytes{buffer.data(), n};
    digest.add(bytes);
    left -= n;
    return bytes;
  }
  void check_trailer() {
    while (!next().empty()) {
    }
    std::string found;
    while (found.size() < trailer_bytes) {
      const auto n = read_some(trailer_bytes - found.size());
      if (n == 0) break;
      found.append(buffer.data(), n);
    }
    if (left != 0 || found != std::string{trailer_mark} + digest.hex() + "\n")
      throw backup_error(not_whole);
  }
  static la_ssize_t read(archive* a, void* self, const void** data) {
    try {
      const auto bytes = static_cast<digesting_input*>(self)->next();
      *data = bytes.data();
      return static_cast<la_ssize_t>(bytes.size());
    } catch (const std::exception& e) {  // must not pass through C
      archive_set_error(a, EIO, "%s", e.what());
      return -1;
    }
  }
};

}  // namespace

void read_backup(const fs::path& file,
                 const std::function<backup_sink(const std::string&, std::uint64_t)>& member,
                 const std::function<void(const std::string&)>& end_of_member) {
  digesting_input input{file};
  const std::unique_ptr<archive, int (*)(archive*)> tar{archive_read_new(), &archive_read_free};
  archive_read_support_format_tar(tar.get());
  if (archive_read_open(tar.get(), &input, nullptr, &digesting_input::read, nullptr) != ARCHIVE_OK)
    throw backup_error(not_whole);
  for (archive_entry* entry = nullptr;;) {
    const int rc = archive_read_next_header(tar.get(), &entry);
    if (rc == ARCHIVE_EOF) break;
    if (rc != ARCHIVE_OK || archive_entry_filetype(entry) != AE_IFREG ||
        archive_entry_pathname(entry) == nullptr)
      throw backup_error(not_whole);
    const std::string name = archive_entry_pathname(entry);
    const auto size = static_cast<std::uint64_t>(archive_entry_size(entry));
    const auto sink = member(name, size);
    const void* data = nullptr;
    std::size_t count = 0;
    la_int64_t offset = 0;
    std::uint64_t come = 0;
    int data_rc = ARCHIVE_OK;
    while ((data_rc = archive_read_data_block(tar.get(), &data, &count, &offset)) == ARCHIVE_OK) {
      if (static_cast<std::uint64_t>(offset) != come) throw backup_error(not_whole);
      come += count;
      if (sink) sink({static_cast<const char*>(data), count});
    }
    if (data_rc != ARCHIVE_EOF || come != size) throw backup_error(not_whole);
    end_of_member(name);
  }
  input.check_trailer();
}

}  // namespace samovar::storage
