// The built web UI, read into memory once at start. No request ever becomes a file name.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "net/exchange.hpp"

namespace samovar::net {

class static_files {
 public:
  /// Files over 32 MiB and symbolic links are left out. A missing folder is fine.
  explicit static_files(const std::filesystem::path& root);

  /// The answer to GET `path`. `if_none_match` gives 304. Unknown paths without a dot in the last
  /// segment get index.html (client-side routes), others 404 with `request_id`.
  reply serve(const std::string& path, const std::string& if_none_match,
              const std::string& request_id) const;
  std::size_t size() const noexcept { return files_.size(); }

 private:
  struct file {
    std::shared_ptr<const std::string> bytes;
    std::string content_type;
    std::string etag;  ///< with quotes
    bool immutable = false;
  };
  std::unordered_map<std::string, file> files_;
};

}  // namespace samovar::net
