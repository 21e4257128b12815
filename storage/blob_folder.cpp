#include "storage/blob_folder.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace samovar::storage {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t key_bytes_max = 512;

class descriptor {
 public:
  explicit descriptor(int fd) : fd_(fd) {}
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

core::error invalid_key() {
  return core::make_error(core::error_code::internal, "The file could not be stored");
}

// What the last failed call means for the caller.
core::error failure_of_errno() {
  const int e = errno;
  if (e == ENOSPC || e == EDQUOT || e == EFBIG)
    return core::make_error(core::error_code::storage_full, "The server's storage is full");
  spdlog::error("storage: a blob could not be written: {}", std::strerror(e));
  return core::make_error(core::error_code::internal, "The file could not be stored");
}

bool sync_folder(const fs::path& folder) {
  descriptor d{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  return d.ok() && ::fsync(d.get()) == 0;
}

bool sync_file(const fs::path& file) {
  descriptor d{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  return d.ok() && ::fsync(d.get()) == 0;
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

// Every folder that is new must be on disk before its blob counts as durable.
bool make_folders(const fs::path& folder) {
  struct stat s {};
  if (::stat(folder.c_str(), &s) == 0) return S_ISDIR(s.st_mode);
  if (!make_folders(folder.parent_path())) return false;
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return false;
  return sync_folder(folder.parent_path());
}

core::status move_into_place(const fs::path& from, const fs::path& to) {
  if (!make_folders(to.parent_path()) || ::rename(from.c_str(), to.c_str()) != 0 ||
      !sync_folder(to.parent_path())) {
    auto e = failure_of_errno();
    ::unlink(from.c_str());
    return e;
  }
  return core::done{};
}

}  // namespace

bool blob_folder::valid_key(std::string_view key) {
  if (key.empty() || key.size() > key_bytes_max) return false;
  bool segment_start = true;
  for (char c : key) {
    if (c == '/') {
      if (segment_start) return false;  // leading slash or an empty segment
      segment_start = true;
      continue;
    }
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-' || c == '.';
    if (!word || (segment_start && c == '.')) return false;
    segment_start = false;
  }
  return !segment_start;
}

blob_folder::blob_folder(const fs::path& root, leftovers spool) {
  fs::create_directories(root);
  root_ = fs::canonical(root);
  ::chmod(root_.c_str(), 0700);
  fs::create_directories(root_ / "spool");
  if (spool == leftovers::keep) return;
  for (const auto& left : fs::directory_iterator(root_ / "spool")) fs::remove_all(left.path());
}

fs::path blob_folder::new_spool_file() {
  return root_ / "spool" / (std::to_string(::getpid()) + "-" + std::to_string(++counter_));
}

core::status blob_folder::put_file(const std::string& key, const fs::path& spool_file) {
  if (!valid_key(key)) return invalid_key();
  if (!sync_file(spool_file)) {
    auto e = failure_of_errno();
    ::unlink(spool_file.c_str());
    return e;
  }
  return move_into_place(spool_file, root_ / key);
}

core::status blob_folder::put_bytes(const std::string& key, std::string_view bytes) {
  if (!valid_key(key)) return invalid_key();
  const auto temporary = new_spool_file();
  {
    descriptor d{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (!d.ok() || !write_all(d.get(), bytes) || ::fsync(d.get()) != 0) {
      auto e = failure_of_errno();
      ::unlink(temporary.c_str());
      return e;
    }
  }
  return move_into_place(temporary, root_ / key);
}

std::optional<std::string> blob_folder::read(const std::string& key) {
  const auto size = size_of(key);
  if (!size) return std::nullopt;
  return read_range(key, 0, *size);
}

std::optional<std::string> blob_folder::read_range(const std::string& key, std::uint64_t offset,
                                                   std::size_t count) {
  if (!valid_key(key)) return std::nullopt;
  descriptor d{::open((root_ / key).c_str(), O_RDONLY | O_CLOEXEC)};
  struct stat s {};
  if (!d.ok() || ::fstat(d.get(), &s) != 0 || !S_ISREG(s.st_mode)) return std::nullopt;
  const auto size = static_cast<std::uint64_t>(s.st_size);
  if (offset >= size) return std::string{};
  std::string out(static_cast<std::size_t>(std::min<std::uint64_t>(count, size - offset)), '\0');
  std::size_t have = 0;
  while (have < out.size()) {
    const auto n =
        ::pread(d.get(), out.data() + have, out.size() - have, static_cast<off_t>(offset + have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw std::system_error(errno, std::generic_category(), "reading a blob");
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  out.resize(have);
  return out;
}

std::optional<std::uint64_t> blob_folder::size_of(const std::string& key) {
  if (!valid_key(key)) return std::nullopt;
  struct stat s {};
  if (::stat((root_ / key).c_str(), &s) != 0 || !S_ISREG(s.st_mode)) return std::nullopt;
  return static_cast<std::uint64_t>(s.st_size);
}

void blob_folder::remove(const std::string& key) {
  if (!valid_key(key)) return;
  if (::unlink((root_ / key).c_str()) == 0) sync_folder((root_ / key).parent_path());
}

std::uint64_t blob_folder::free_bytes() {
  std::error_code ec;
  const auto space = fs::space(root_, ec);
  return ec ? 0 : space.available;
}

void blob_folder::for_each_older_than(std::chrono::seconds age,
                                      const std::function<void(const std::string&)>& f) const {
  std::error_code ec;
  const auto limit = fs::file_time_type::clock::now() - age;
  const auto users = root_ / "users";
  for (fs::recursive_directory_iterator at{users, ec}, end; !ec && at != end; at.increment(ec)) {
    std::error_code gone;  // files may be deleted while we look
    if (!at->is_regular_file(gone) || gone) continue;
    const auto written = at->last_write_time(gone);
    if (gone || written > limit) continue;
    f(at->path().lexically_relative(root_).string());
  }
}

}  // namespace samovar::storage
