// GET /results/{id}, /results/{id}/mask and /process/mask/{image_id}.
#include "core/limits.hpp"
#include "net/handlers/all.hpp"
#include "net/handlers/renderings.hpp"

namespace samovar::net {

namespace {

using core::error_code;

core::processing_result find(services& s, const request& r) {
  return found(s.results.find_result(r.actor.id, path_id<core::result_id>(r, 0, "id")),
               "Processing result not found");
}

reply result(services& s, const request& r) {
  const auto found_result = find(s, r);
  return json_reply(result_json(found_result, mask_size(s, found_result), s.codec));
}

/// `instance` and `format` choose the drawing; the tag names result and drawing, which never
/// change.
reply mask_reply(services& s, const request& r, const core::processing_result& result,
                 const std::string& cache_control) {
  const auto format = query_value(r, "format").value_or("png");
  if (format != "png" && format != "indexed")
    refuse(error_code::validation_failed, "format must be png or indexed", "format");
  const auto instance =
      query_integer(r, "instance", 0, static_cast<int>(core::limits::detections_per_image_max));
  if (instance && static_cast<std::size_t>(*instance) >= result.detections.size())
    refuse(error_code::not_found, "The result has no such instance", "instance");
  const auto tag = to_string(result.id) + "-" + (instance ? std::to_string(*instance) : format);
  reply out;
  out.headers.emplace_back("ETag", quoted(tag));
  out.headers.emplace_back("Cache-Control", cache_control);
  if (const auto known = r.header("if-none-match"); known && etag_matches(*known, tag)) {
    out.status = 304;
    out.content_type.clear();
    return out;
  }
  out.content_type = "image/png";
  if (instance)
    out.body = instance_mask(s, result, static_cast<std::size_t>(*instance));
  else if (format == "indexed")
    out.body = indexed_mask(s, result, mask_size(s, result));
  else
    out.body = combined_mask(s, result, mask_size(s, result));
  return out;
}

reply newest_mask(services& s, const request& r) {
  const auto image = path_id<core::image_id>(r, 0, "image_id");
  const auto mode = query_mode(r);
  found(s.images.find_image(r.actor.id, image), "Image not found");
  const auto result = s.results.newest_result(r.actor.id, image, mode);
  if (!result)
    refuse(error_code::not_found,
           "Mask not found for this image with mode " + std::string(core::to_string(mode)));
  return mask_reply(s, r, *result, "private, no-cache");
}

}  // namespace

std::vector<route> result_routes(services& s, access_control&) {
  return {
      make_route("GET", "/api/v1/results/{id}", [&](const request& r) { return result(s, r); }),
      make_route(
          "GET", "/api/v1/results/{id}/mask",
          [&](const request& r) { return mask_reply(s, r, find(s, r), "private, max-age=86400"); }),
      make_route("GET", "/api/v1/process/mask/{image_id}",
                 [&](const request& r) { return newest_mask(s, r); }),
  };
}

}  // namespace samovar::net
