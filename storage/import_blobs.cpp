#include "storage/import_blobs.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>

namespace samovar::storage {

namespace fs = std::filesystem;

std::optional<std::string> import_folder::read(const std::string& path) {
  const fs::path relative{path};
  if (path.empty() || path.find('\0') != std::string::npos || relative.is_absolute() ||
      std::find(relative.begin(), relative.end(), "..") != relative.end())
    return std::nullopt;
  const auto file = root_ / relative;
  std::error_code ec;
  if (!fs::is_regular_file(file, ec)) return std::nullopt;
  std::ifstream in{file, std::ios::binary};
  std::string bytes(fs::file_size(file), '\0');
  if (!in.read(bytes.data(), static_cast<std::streamsize>(bytes.size())))
    throw std::system_error(errno ? errno : EIO, std::generic_category(), path);
  return bytes;
}

}  // namespace samovar::storage
