#include "net/static_files.hpp"

#include <openssl/evp.h>
#include <spdlog/spdlog.h>

#include <array>
#include <fstream>
#include <iterator>
#include <utility>

#include "net/text.hpp"

namespace samovar::net {

namespace {

constexpr std::uintmax_t file_bytes_max = 32 * 1024 * 1024;
constexpr std::size_t files_max = 5'000;

std::string content_type_of(const std::filesystem::path& p) {
  static const std::unordered_map<std::string, std::string> types = {
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".map", "application/json"},
      {".webmanifest", "application/manifest+json"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".jpeg", "image/jpeg"},
      {".webp", "image/webp"},
      {".gif", "image/gif"},
      {".ico", "image/x-icon"},
      {".woff", "font/woff"},
      {".woff2", "font/woff2"},
      {".ttf", "font/ttf"},
      {".wasm", "application/wasm"},
      {".txt", "text/plain; charset=utf-8"},
  };
  const auto it = types.find(p.extension().string());
  return it == types.end() ? "application/octet-stream" : it->second;
}

std::string etag_of(const std::string& bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  static constexpr char digits[] = "0123456789abcdef";
  std::string out = "\"";
  for (std::size_t i = 0; i < 16; ++i) {
    out.push_back(digits[digest[i] >> 4]);
    out.push_back(digits[digest[i] & 15]);
  }
  return out + '"';
}

reply not_built() {
  reply r;
  r.content_type = "text/html; charset=utf-8";
  r.body = std::string(
      "<!doctype html><html lang=\"en\"><title>Samovar</title><h1>Samovar is running</h1>"
      "<p>The web interface has not been built. The API is at <code>/api/v1</code>.</p></html>");
  return r;
}

}  // namespace

static_files::static_files(const std::filesystem::path& root) {
  namespace fs = std::filesystem;
  std::error_code ec;
  if (root.empty() || !fs::is_directory(root, ec)) return;
  for (fs::recursive_directory_iterator it(root, ec), end; !ec && it != end; it.increment(ec)) {
    std::error_code file_ec;
    if (it->is_symlink(file_ec) || !it->is_regular_file(file_ec)) continue;
    if (files_.size() >= files_max || it->file_size(file_ec) > file_bytes_max || file_ec) {
      spdlog::warn("static files: {} is left out", it->path().filename().string());
      continue;
    }
    std::ifstream in(it->path(), std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(in), {}};
    const std::string url = "/" + it->path().lexically_relative(root).generic_string();
    file f;
    f.etag = etag_of(bytes);
    f.bytes = std::make_shared<const std::string>(std::move(bytes));
    f.content_type = content_type_of(it->path());
    f.immutable = url.starts_with("/assets/");
    files_.emplace(url, std::move(f));
  }
}

reply static_files::serve(const std::string& path, const std::string& if_none_match,
                          const std::string& request_id) const {
  auto it = files_.find(path == "/" ? "/index.html" : path);
  if (it == files_.end()) {
    const auto last = path.substr(path.rfind('/') + 1);
    if (last.find('.') != std::string::npos)
      return error_reply(core::make_error(core::error_code::not_found, "Not found"), request_id);
    it = files_.find("/index.html");
    if (it == files_.end()) return not_built();
  }
  const file& f = it->second;
  reply r;
  r.content_type = f.content_type;
  r.headers.emplace_back("ETag", f.etag);
  r.headers.emplace_back("Cache-Control",
                         f.immutable ? "public, max-age=31536000, immutable" : "no-cache");
  if (if_none_match == "*" || if_none_match.find(f.etag) != std::string::npos) {
    r.status = 304;
    return r;
  }
  r.body = f.bytes;
  return r;
}

}  // namespace samovar::net
