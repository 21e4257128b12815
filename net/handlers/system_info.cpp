// GET /system (what the sign-in page and the workspace need to know), the OpenAPI document and its
// reading page.
#include "core/limits.hpp"
#include "net/handlers/all.hpp"
#include "net/handlers/support.hpp"

namespace samovar::net {

namespace {

void write_limits(json_out& out, const services& s) {
  namespace l = core::limits;
  out.key("limits")
      .begin_object()
      .field("upload_bytes_max", s.config.upload_bytes_max)
      .field("image_pixels_max", std::uint64_t{l::image_pixels_max})
      .field("image_side_px_max", l::image_side_px_max)
      .field("filename_chars_max", std::uint64_t{l::filename_chars_max})
      .field("text_prompt_chars_max", std::uint64_t{l::text_prompt_chars_max})
      .field("boxes_per_image_max", std::uint64_t{l::boxes_per_image_max})
      .field("points_per_image_max", std::uint64_t{l::points_per_image_max})
      .field("images_per_job_max", std::uint64_t{l::images_per_job_max})
      .field("list_page_max", std::uint64_t{l::list_page_max})
      .field("password_chars_min", std::uint64_t{l::password_chars_min})
      .field("long_poll_s_max", l::long_poll_s_max)
      .end_object();
}

reply system_info(services& s) {
  std::string text;
  json_out out(text);
  const auto& abilities = s.config.abilities;
  out.begin_object()
      .field("version", s.config.version)
      .field("model", s.config.model_name)
      .field("allow_registration", s.config.allow_registration)
      .field("setup_needed", !s.setup_token().empty());
  out.key("abilities")
      .begin_object()
      .field("text", abilities.text)
      .field("exemplars", abilities.exemplars)
      .key("text_unavailable_reason");
  if (abilities.text || abilities.text_unavailable_reason.empty())
    out.null();
  else
    out.value(abilities.text_unavailable_reason);
  out.end_object().key("modes").begin_array();
  for (const auto mode : {core::segmentation_mode::inside_box, core::segmentation_mode::find_all,
                          core::segmentation_mode::point})
    out.value(core::to_string(mode));
  out.end_array();
  write_limits(out, s);
  out.end_object();
  auto answer = json_reply(std::move(text));
  answer.headers.emplace_back("Cache-Control", "no-cache");
  return answer;
}

/// A text that is part of the program.
route fixed(const char* pattern, const char* content_type, std::string_view (*text)()) {
  const auto shared = std::make_shared<const std::string>(text());
  auto r = make_route("GET", pattern, {}, body_kind::none, access::open);
  r.runs = where::inline_;
  r.handle = [shared, type = std::string(content_type)](const auto&, const respond& respond) {
    reply out;
    out.content_type = type;
    out.body = shared;
    out.headers.emplace_back("Cache-Control", "no-cache");
    respond(std::move(out));
  };
  return r;
}

}  // namespace

std::vector<route> system_routes(services& s, access_control&) {
  auto info = make_route(
      "GET", "/api/v1/system", [&s](const request&) { return system_info(s); }, body_kind::none,
      access::open);
  return {
      std::move(info),
      fixed("/api/v1/openapi.json", "application/json", openapi_document),
      fixed("/docs", "text/html; charset=utf-8", docs_page),
      fixed("/docs/docs.js", "text/javascript; charset=utf-8", docs_script),
      fixed("/docs/docs.css", "text/css; charset=utf-8", docs_style),
  };
}

}  // namespace samovar::net
