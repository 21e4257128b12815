// /annotations (boxes) and /point-annotations. The store checks geometry and ownership.
#include "net/handlers/all.hpp"
#include "net/handlers/lists.hpp"

namespace samovar::net {

namespace {

using core::error_code;

reply box_reply(const core::bbox_annotation& a, int status) {
  std::string text;
  json_out out(text);
  write_annotation(out, a);
  return json_reply(std::move(text), status);
}

reply add_box(services& s, const request& r) {
  const json_body body(r.body);
  core::bbox_annotation a;
  a.image = core::image_id{body.id("image_id")};
  a.prompt.area = {body.integer("bbox_x"), body.integer("bbox_y"), body.integer("bbox_width"),
                   body.integer("bbox_height")};
  a.prompt.type = body.prompt_type_or("prompt_type", core::prompt_type::segment);
  a.prompt.id = core::annotation_id{new_uuid(s)};
  a.created_at = now(s);
  return box_reply(take(s.annotations.add_box(r.actor.id, a)), 201);
}

reply list_boxes(services& s, const request& r) {
  const auto image = path_id<core::image_id>(r, 0, "image_id");
  std::optional<core::prompt_type> type;
  if (const auto text = query_value(r, "prompt_type")) {
    type = core::parse_prompt_type(*text);
    if (!type)
      refuse(error_code::validation_failed,
             "prompt_type must be one of segment, positive_exemplar, negative_exemplar",
             "prompt_type");
  }
  list_source<core::bbox_annotation> source;
  source.fetch = [&s, actor = r.actor.id, image, type](const core::page_request& p) {
    return take(s.annotations.list_boxes(actor, image, type, p));
  };
  source.write = write_annotation;
  source.array_name = "annotations";
  return list_reply(r, read_paging(r, true), std::move(source));
}

reply change_box(services& s, const request& r) {
  const auto id = path_id<core::annotation_id>(r, 0, "id");
  const json_body body(r.body);
  const auto optional_integer = [&body](const char* field) {
    return body.has(field) ? std::optional(body.integer(field)) : std::nullopt;
  };
  const auto x = optional_integer("bbox_x"), y = optional_integer("bbox_y");
  const auto width = optional_integer("bbox_width"), height = optional_integer("bbox_height");
  std::optional<core::prompt_type> type;
  if (body.has("prompt_type"))
    type = body.prompt_type_or("prompt_type", core::prompt_type::segment);
  const auto edit = [&](core::box_prompt& p) {
    p.area.x = x.value_or(p.area.x);
    p.area.y = y.value_or(p.area.y);
    p.area.width = width.value_or(p.area.width);
    p.area.height = height.value_or(p.area.height);
    p.type = type.value_or(p.type);
  };
  return box_reply(take(s.annotations.change_box(r.actor.id, id, edit)), 200);
}

reply delete_box(services& s, const request& r) {
  take(s.annotations.delete_box(r.actor.id, path_id<core::annotation_id>(r, 0, "id")));
  return no_content();
}

reply add_point(services& s, const request& r) {
  const json_body body(r.body);
  core::point_annotation a;
  a.image = core::image_id{body.id("image_id")};
  a.prompt.at = {body.integer("point_x"), body.integer("point_y")};
  a.prompt.is_positive = body.boolean_or("is_positive", true);
  a.prompt.id = core::point_id{new_uuid(s)};
  a.created_at = now(s);
  std::string text;
  json_out out(text);
  write_point_annotation(out, take(s.annotations.add_point(r.actor.id, a)));
  return json_reply(std::move(text), 201);
}

reply list_points(services& s, const request& r) {
  const auto image = path_id<core::image_id>(r, 0, "image_id");
  list_source<core::point_annotation> source;
  source.fetch = [&s, actor = r.actor.id, image](const core::page_request& p) {
    return take(s.annotations.list_points(actor, image, p));
  };
  source.write = write_point_annotation;
  source.array_name = "annotations";
  return list_reply(r, read_paging(r, true), std::move(source));
}

reply delete_point(services& s, const request& r) {
  take(s.annotations.delete_point(r.actor.id, path_id<core::point_id>(r, 0, "id")));
  return no_content();
}

}  // namespace

std::vector<route> annotation_routes(services& s, access_control&) {
  return {
      make_route(
          "POST", "/api/v1/annotations", [&](const request& r) { return add_box(s, r); },
          body_kind::json),
      make_route("GET", "/api/v1/annotations/{id}",
                 [&](const request& r) { return list_boxes(s, r); }),
      make_route(
          "PATCH", "/api/v1/annotations/{id}", [&](const request& r) { return change_box(s, r); },
          body_kind::json),
      make_route("DELETE", "/api/v1/annotations/{id}",
                 [&](const request& r) { return delete_box(s, r); }),
      make_route(
          "POST", "/api/v1/point-annotations", [&](const request& r) { return add_point(s, r); },
          body_kind::json),
      make_route("GET", "/api/v1/point-annotations/{id}",
                 [&](const request& r) { return list_points(s, r); }),
      make_route("DELETE", "/api/v1/point-annotations/{id}",
                 [&](const request& r) { return delete_point(s, r); }),
  };
}

}  // namespace samovar::net
