// GET /process/export/{image_id} and /exports/coco.
#include <algorithm>

#include "core/limits.hpp"
#include "net/coco.hpp"
#include "net/handlers/all.hpp"
#include "net/handlers/support.hpp"

namespace samovar::net {

namespace {

using core::error_code;

constexpr std::size_t piece_bytes = 64 * 1024;

coco_shape read_shape(const request& r) {
  const auto rle = query_value(r, "rle").value_or("compressed");
  const auto segmentation = query_value(r, "segmentation").value_or("rle");
  if (rle != "compressed" && rle != "uncompressed")
    refuse(error_code::validation_failed, "rle must be compressed or uncompressed", "rle");
  if (segmentation != "rle" && segmentation != "polygon")
    refuse(error_code::validation_failed, "segmentation must be rle or polygon", "segmentation");
  if (segmentation == "polygon") return coco_shape::polygon;
  return rle == "uncompressed" ? coco_shape::uncompressed : coco_shape::compressed;
}

std::string rendered(services& s, coco_shape shape, const core::image& image,
                     const core::processing_result& result) {
  if (shape != coco_shape::compressed) return coco_json(s.codec, shape, image, result);
  if (auto known = s.blobs.read(result.coco_json_blob_path)) return std::move(*known);
  auto text = coco_json(s.codec, shape, image, result);
  // A rendering that can't be kept (full disk) is still an answer.
  static_cast<void>(s.blobs.put_bytes(result.coco_json_blob_path, text));
  return text;
}

reply export_one(services& s, const request& r) {
  const auto id = path_id<core::image_id>(r, 0, "image_id");
  const auto mode = query_mode(r);
  const auto shape = read_shape(r);
  const auto image = found(s.images.find_image(r.actor.id, id), "Image not found");
  const auto result = s.results.newest_result(r.actor.id, id, mode);
  if (!result)
    refuse(error_code::not_found,
           "Image has not been processed yet with mode " + std::string(core::to_string(mode)));
  auto out = json_reply(rendered(s, shape, image, *result));
  const auto stem = image.filename.substr(0, image.filename.rfind('.'));
  out.headers.emplace_back(
      "Content-Disposition",
      content_disposition("attachment", (stem.empty() ? "image" : stem) + "_coco.json"));
  out.headers.emplace_back("Cache-Control", "private, no-cache");
  return out;
}

/// nullopt without the parameter: all images.
std::optional<std::vector<core::image_id>> read_image_ids(const request& r) {
  const auto text = query_value(r, "image_ids");
  if (!text) return std::nullopt;
  std::vector<core::image_id> ids;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    const auto id = core::parse_id<core::image_id>(rest.substr(0, comma));
    if (!id)
      refuse(error_code::validation_failed, "image_ids must be UUIDs separated by commas",
             "image_ids");
    ids.push_back(*id);
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return ids;
}

/// Walks the images page by page and writes those with a result; one page and one result are in
/// memory at a time, beside the entries of the images written so far.
struct coco_stream {
  services& s;
  core::user_id actor;
  core::segmentation_mode mode;
  coco_writer writer;
  core::page<core::image> page;
  std::size_t next = 0;
  bool first = true;

  bool operator()(std::string& piece) {
    piece = first ? writer.head() : std::string();
    first = false;
    while (piece.size() < piece_bytes) {
      if (next == page.items.size() && !turn_page()) {
        piece += writer.tail();
        return false;
      }
      const auto& image = page.items[next++];
      if (const auto result = s.results.newest_result(actor, image.id, mode))
        piece += writer.annotations_of(image, *result);
    }
    return true;
  }

  bool turn_page() {
    if (!page.next) return false;
    core::image_query query;
    query.paging.after = page.next;
    query.paging.oldest_first = true;
    page = s.images.list_images(actor, query);
    next = 0;
    return !page.items.empty();
  }
};

reply export_many(services& s, const request& r) {
  const auto mode = query_mode(r);
  const auto shape = read_shape(r);
  const auto ids = read_image_ids(r);
  core::page<core::image> first_page;
  if (ids) {
    first_page.items = s.images.find_images(r.actor.id, *ids);
    if (first_page.items.empty())
      refuse(error_code::no_valid_images, "No valid image IDs provided", "image_ids");
  } else {
    core::image_query query;
    query.paging.oldest_first = true;
    first_page = s.images.list_images(r.actor.id, query);
  }
  auto stream = std::make_shared<coco_stream>(
      coco_stream{s, r.actor.id, mode, coco_writer(s.codec, shape), std::move(first_page)});
  reply out;
  out.body = body_source([stream](std::string& piece) { return (*stream)(piece); });
  out.headers.emplace_back(
      "Content-Disposition",
      content_disposition("attachment", std::string(core::to_string(mode)) + "_coco.json"));
  out.headers.emplace_back("Cache-Control", "private, no-cache");
  return out;
}

}  // namespace

std::vector<route> export_routes(services& s, access_control&) {
  return {
      make_route("GET", "/api/v1/process/export/{image_id}",
                 [&](const request& r) { return export_one(s, r); }),
      make_route("GET", "/api/v1/exports/coco",
                 [&](const request& r) { return export_many(s, r); }),
  };
}

}  // namespace samovar::net
