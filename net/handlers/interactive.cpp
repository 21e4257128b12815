// POST /images/{id}/segment: click and see; nothing is stored.
#include "core/limits.hpp"
#include "net/handlers/all.hpp"
#include "net/handlers/support.hpp"

namespace samovar::net {

namespace {

using core::error_code;
using core::segmentation_mode;
using shared_request = std::shared_ptr<const request>;

// The mode that the prompts speak of, unless the body names one.
segmentation_mode mode_of(const json_body& body, const core::image_prompts& p) {
  auto meant = segmentation_mode::inside_box;
  if (!p.points.empty()) meant = segmentation_mode::point;
  for (const auto& b : p.boxes)
    if (b.type != core::prompt_type::segment) meant = segmentation_mode::find_all;
  if (p.text) meant = segmentation_mode::find_all;
  return body.mode_or("mode", meant);
}

core::image_prompts prompts_of(const json_body& body, const core::image& image) {
  core::image_prompts p;
  p.boxes = body.boxes_or_none("boxes", core::limits::boxes_per_image_max);
  p.points = body.points_or_none("points", core::limits::points_per_image_max);
  p.text = body.nullable_text("text", core::limits::text_prompt_chars_max);
  const core::size size{image.width, image.height};
  for (const auto& b : p.boxes)
    if (auto e = core::check_box(b.area, size)) throw refused(std::move(*e));
  for (const auto& at : p.points)
    if (auto e = core::check_point(at.at, size)) throw refused(std::move(*e));
  return p;
}

reply found_reply(services& s, const core::unit_request& unit, const core::unit_output& found) {
  std::string text;
  json_out out(text);
  out.begin_object()
      .field("image_id", unit.image)
      .field("mode", core::to_string(unit.mode))
      .field("model", found.model)
      .field("device_ms", found.device_ms)
      .key("detections");
  write_detections(out, found.detections, s.codec);
  out.end_object();
  return json_reply(std::move(text));
}

void segment(services& s, const shared_request& r, const respond& respond) {
  const auto id = path_id<core::image_id>(*r, 0, "id");
  const auto image = found(s.images.find_image(r->actor.id, id), "Image not found");
  const json_body body(r->body);
  core::unit_request unit;
  unit.user = r->actor.id;
  unit.image = id;
  unit.blob_path = image.blob_path;
  unit.sha256 = image.sha256;
  unit.prompts = prompts_of(body, image);
  unit.mode = mode_of(body, unit.prompts);
  if (!core::has_prompts(unit.prompts, unit.mode))
    refuse(error_code::validation_failed,
           "boxes, points or text are needed for mode " + std::string(core::to_string(unit.mode)),
           "boxes");
  unit.prompts = core::relevant_prompts(unit.prompts, unit.mode);
  s.actors.segment(unit, actors::reply<core::unit_output>([&s, r, respond, unit](auto outcome) {
                     if (!outcome)
                       respond(error_reply(outcome.failure(), r->request_id));
                     else
                       respond(found_reply(s, unit, *outcome));
                   }));
}

}  // namespace

std::vector<route> interactive_routes(services& s, access_control&) {
  auto post = make_later_route(
      "POST", "/api/v1/images/{id}/segment",
      [&s](const shared_request& r, const respond& respond) { segment(s, r, respond); },
      body_kind::json);
  return {std::move(post)};
}

}  // namespace samovar::net
