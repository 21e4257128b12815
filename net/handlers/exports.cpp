// GET /process/export/{image_id} and /exports/coco.
#include "net/coco.hpp"
#include "net/handlers/all.hpp"
#include "net/handlers/export_walk.hpp"

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
                     core::processing_result result) {
  const bool kept = shape == coco_shape::compressed;
  if (auto known = kept ? s.blobs.read(result.coco_json_blob_path) : std::nullopt)
    return std::move(*known);
  if (shows_prompts(result.mode)) s.results.add_prompts(result.user, {&result, 1});
  auto text = coco_json(s.codec, shape, image, result);
  if (!kept) return text;
  // A rendering that can't be kept (full disk) is still an answer.
  static_cast<void>(s.blobs.put_bytes(result.coco_json_blob_path, text));
  return text;
}

reply export_one(services& s, const request& r) {
  const auto id = path_id<core::image_id>(r, 0, "image_id");
  const auto mode = query_mode(r);
  const auto shape = read_shape(r);
  const auto image = found(s.images.find_image(r.actor.id, id), "Image not found");
  auto result = s.results.newest_result(r.actor.id, id, mode);
  if (!result)
    refuse(error_code::not_found,
           "Image has not been processed yet with mode " + std::string(core::to_string(mode)));
  auto out = json_reply(rendered(s, shape, image, std::move(*result)));
  out.headers.emplace_back("Content-Disposition",
                           content_disposition("attachment", stem_of(image) + "_coco.json"));
  out.headers.emplace_back("Cache-Control", "private, no-cache");
  return out;
}

/// Beside the entries of the images written so far, some hundred results are in memory at most.
struct coco_stream {
  export_walk walk;
  coco_writer writer;
  bool first = true;

  bool operator()(std::string& piece) {
    piece = first ? writer.head() : std::string();
    first = false;
    while (piece.size() < piece_bytes) {
      const auto found = walk.next();
      if (!found) {
        piece += writer.tail();
        return false;
      }
      piece += writer.annotations_of(found->first, found->second);
    }
    return true;
  }
};

reply export_many(services& s, const request& r) {
  const auto shape = read_shape(r);
  const auto stream = std::make_shared<coco_stream>(
      coco_stream{export_walk(s, r, true), coco_writer(s.codec, shape)});
  const auto mode = std::string(core::to_string(stream->walk.mode()));
  return download([stream](std::string& piece) { return (*stream)(piece); }, "application/json",
                  mode + "_coco.json");
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
