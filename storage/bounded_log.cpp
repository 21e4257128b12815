#include "storage/bounded_log.hpp"

#include <system_error>

namespace samovar::storage {

bool bound_log(const std::filesystem::path& file, std::uintmax_t bytes_max) {
  namespace fs = std::filesystem;
  std::error_code ec;
  const auto size = fs::file_size(file, ec);
  if (ec || size <= bytes_max) return false;
  const fs::path old = file.string() + ".1";
  // A copy under another name first: the old text is never gone before the new one is there.
  const fs::path fresh = file.string() + ".new";
  fs::copy_file(file, fresh, fs::copy_options::overwrite_existing, ec);
  if (!ec) fs::rename(fresh, old, ec);
  if (ec) {
    std::error_code ignored;
    fs::remove(fresh, ignored);
  }
  // A full disk must not keep the log growing: it is emptied even when it could not be copied.
  fs::resize_file(file, 0, ec);
  return !ec;
}

}  // namespace samovar::storage
