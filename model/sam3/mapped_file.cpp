#include "model/sam3/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace samovar::model::sam3 {
namespace {

core::error cannot(const std::filesystem::path& path, const std::string& why) {
  return core::make_error(core::error_code::unavailable,
                          "Cannot read " + path.filename().string() + ": " + why);
}

}  // namespace

core::outcome<std::shared_ptr<const mapped_file>> mapped_file::open(
    const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return cannot(path, std::strerror(errno));
  struct stat facts {};
  if (fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode)) {
    close(file);
    return cannot(path, "it is not a regular file");
  }
  const auto size = static_cast<std::size_t>(facts.st_size);
  if (size == 0) {
    close(file);
    return cannot(path, "it is empty");
  }
  void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  const int reason = errno;
  close(file);
  if (data == MAP_FAILED) return cannot(path, std::strerror(reason));
  return std::shared_ptr<const mapped_file>(
      new mapped_file(static_cast<const std::byte*>(data), size));
}

mapped_file::~mapped_file() { munmap(const_cast<std::byte*>(data_), size_); }

void mapped_file::forget(std::span<const std::byte> part) const {
  static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t begin = static_cast<std::size_t>(part.data() - data_);
  const std::size_t first = (begin + page - 1) / page * page;
  const std::size_t last = (begin + part.size()) / page * page;
  if (first < last) madvise(const_cast<std::byte*>(data_) + first, last - first, MADV_DONTNEED);
}

}  // namespace samovar::model::sam3
