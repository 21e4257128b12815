// GET /images/{id}/data and /images/{id}/thumbnail.
#include <charconv>

#include "core/limits.hpp"
#include "net/handlers/all.hpp"
#include "net/handlers/byte_range.hpp"
#include "net/handlers/renderings.hpp"

namespace samovar::net {

namespace {

constexpr std::uint64_t piece_bytes = 256 * 1024;

core::image find(services& s, const request& r) {
  return found(s.images.find_image(r.actor.id, path_id<core::image_id>(r, 0, "id")),
               "Image not found");
}

void add_cache_headers(reply& out, const std::string& tag) {
  out.headers.emplace_back("ETag", quoted(tag));
  out.headers.emplace_back("Cache-Control", "private, max-age=86400");
}

reply not_modified(const std::string& tag) {
  reply out;
  out.status = 304;
  out.content_type.clear();
  add_cache_headers(out, tag);
  return out;
}

/// Reads the blob while the body is being sent; throws when the image is deleted meanwhile, which
/// cuts the connection: a short body must not look whole.
body_source stream_blob(services& s, std::string key, std::uint64_t begin, std::uint64_t length) {
  return [&s, key = std::move(key), at = begin, left = length](std::string& piece) mutable {
    const auto want = static_cast<std::size_t>(std::min(left, piece_bytes));
    auto bytes = s.blobs.read_range(key, at, want);
    if (!bytes || bytes->size() != want) throw std::runtime_error("a blob ended early");
    piece = std::move(*bytes);
    at += want;
    left -= want;
    return left > 0;
  };
}

reply image_data(services& s, const request& r) {
  const auto i = find(s, r);
  if (const auto known = r.header("if-none-match"); known && etag_matches(*known, i.sha256))
    return not_modified(i.sha256);
  const auto size = found(s.blobs.size_of(i.blob_path), "Image not found");
  const auto if_range = r.header("if-range");
  // RFC 9110, 14.2: only GET has ranges.
  const bool ranged = r.method == "GET" && (!if_range || *if_range == quoted(i.sha256));
  const auto range = ranged ? parse_range(r.header("range").value_or(""), size) : byte_range{};
  reply out;
  add_cache_headers(out, i.sha256);
  out.headers.emplace_back("Accept-Ranges", "bytes");
  if (range.kind == range_kind::unsatisfiable) {
    auto refusal = error_reply(core::make_error(core::error_code::range_not_satisfiable,
                                                "The range lies outside the image's bytes"),
                               r.request_id);
    refusal.headers.emplace_back("Content-Range", "bytes */" + std::to_string(size));
    return refusal;
  }
  std::uint64_t begin = 0, length = size;
  if (range.kind == range_kind::part) {
    begin = range.begin;
    length = range.length;
    out.status = 206;
    out.headers.emplace_back("Content-Range", "bytes " + std::to_string(begin) + "-" +
                                                  std::to_string(begin + length - 1) + "/" +
                                                  std::to_string(size));
  }
  out.content_type = i.content_type;
  out.headers.emplace_back("Content-Disposition", content_disposition("inline", i.filename));
  if (length == 0) {
    out.body = std::string();
  } else {
    out.content_length = length;
    out.body = stream_blob(s, i.blob_path, begin, length);
  }
  return out;
}

reply thumbnail(services& s, const request& r) {
  const auto i = find(s, r);
  const auto side_px =
      query_integer(r, "size", core::limits::thumbnail_px_min, core::limits::thumbnail_px_max)
          .value_or(thumbnail_px_default);
  const auto tag = i.sha256.substr(0, 32) + "-" + std::to_string(side_px);
  if (const auto known = r.header("if-none-match"); known && etag_matches(*known, tag))
    return not_modified(tag);
  reply out;
  out.content_type = "image/jpeg";
  out.body = thumbnail_of(s, i, side_px);
  add_cache_headers(out, tag);
  return out;
}

}  // namespace

std::vector<route> image_file_routes(services& s, access_control&) {
  return {
      make_route("GET", "/api/v1/images/{id}/data",
                 [&](const request& r) { return image_data(s, r); }),
      make_route("GET", "/api/v1/images/{id}/thumbnail",
                 [&](const request& r) { return thumbnail(s, r); }),
  };
}

}  // namespace samovar::net
