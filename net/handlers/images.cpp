// POST/GET /images and GET/PATCH/DELETE /images/{id}.
#include "core/limits.hpp"
#include "net/handlers/all.hpp"
#include "net/handlers/lists.hpp"
#include "net/handlers/renderings.hpp"

namespace samovar::net {

namespace {

using core::error_code;

std::string image_text(const core::image& i) {
  std::string text;
  json_out out(text);
  write_image(out, i);
  return text;
}

/// The client's name without path parts and control characters, at most 255 characters; the
/// extension survives the cut.
std::string sanitised_filename(std::string_view given, const std::string& extension) {
  if (const auto slash = given.find_last_of("/\\"); slash != std::string_view::npos)
    given.remove_prefix(slash + 1);
  std::string name;
  if (valid_utf8(given))
    for (const char c : given)
      if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) name.push_back(c);
  while (!name.empty() && name.front() == ' ') name.erase(0, 1);
  while (!name.empty() && name.back() == ' ') name.pop_back();
  if (name.empty() || name == "." || name == "..") return "image." + extension;
  if (code_points(name) <= core::limits::filename_chars_max) return name;
  const auto dot = name.rfind('.');
  std::string suffix;
  if (dot != std::string::npos && code_points(name.substr(dot)) <= 16) suffix = name.substr(dot);
  const auto keep = core::limits::filename_chars_max - code_points(suffix);
  std::size_t end = 0, chars = 0;
  while (end < name.size() && chars <= keep) {
    if ((static_cast<unsigned char>(name[end]) & 0xC0) != 0x80 && ++chars > keep) break;
    ++end;
  }
  return name.substr(0, end) + suffix;
}

reply upload(services& s, const request& r) {
  if (!r.file)
    refuse(error_code::validation_failed, "A multipart part named file is required", "file");
  const auto facts = take(s.codec.inspect_file(r.file->path));
  core::image i;
  i.id = core::image_id{new_uuid(s)};
  i.owner = r.actor.id;
  i.filename = sanitised_filename(r.file->filename, facts.extension);
  i.blob_path =
      "users/" + to_string(i.owner) + "/images/" + to_string(i.id) + "." + facts.extension;
  i.content_type = facts.content_type;
  i.byte_size = static_cast<std::int64_t>(r.file->byte_size);
  i.sha256 = r.file->sha256;
  i.width = facts.width;
  i.height = facts.height;
  i.created_at = now(s);
  take(s.blobs.put_file(i.blob_path, r.file->path));
  // Only a refusal proves that no row was written. When the database went away the commit may have
  // happened, so the blob stays and the sweeper decides later.
  const auto stored = s.images.insert_image(r.actor.id, i);
  if (!stored) {
    s.blobs.remove(i.blob_path);
    throw refused(stored.failure());
  }
  announce_quota(s, r.actor.id);
  auto out = json_reply(image_text(i), 201);
  out.headers.emplace_back("Location", "/api/v1/images/" + to_string(i.id));
  return out;
}

reply list_images(services& s, const request& r) {
  auto search = query_value(r, "search");
  if (search && code_points(*search) > core::limits::filename_chars_max)
    refuse(error_code::validation_failed, "search must have at most 255 characters", "search");
  if (search && search->empty()) search.reset();
  list_source<core::image> source;
  source.fetch = [&s, actor = r.actor.id, search](const core::page_request& p) {
    return s.images.list_images(actor, {p, search});
  };
  source.write = write_image;
  source.array_name = "images";
  return list_reply(r, read_paging(r, false, true), std::move(source));
}

core::image find(services& s, const request& r) {
  return found(s.images.find_image(r.actor.id, path_id<core::image_id>(r, 0, "id")),
               "Image not found");
}

/// Blank text means no text: a prompt of spaces would only look like one.
std::optional<std::string> trimmed_prompt(const json_body& body) {
  auto text = body.nullable_text("text_prompt", core::limits::text_prompt_chars_max);
  if (!text) return text;
  static constexpr const char* blanks = " \t\n\v\f\r";
  const auto begin = text->find_first_not_of(blanks);
  if (begin == std::string::npos) return std::nullopt;
  return text->substr(begin, text->find_last_not_of(blanks) - begin + 1);
}

reply change_image(services& s, const request& r) {
  const auto id = path_id<core::image_id>(r, 0, "id");
  const json_body body(r.body);
  if (!body.has("text_prompt")) return json_reply(image_text(find(s, r)));
  return json_reply(
      image_text(take(s.images.set_text_prompt(r.actor.id, id, trimmed_prompt(body)))));
}

reply delete_image(services& s, const request& r) {
  const auto id = path_id<core::image_id>(r, 0, "id");
  take(s.images.delete_image(r.actor.id, id));
  remove_thumbnails(s, r.actor.id, id);
  announce_quota(s, r.actor.id);
  return no_content();
}

}  // namespace

std::vector<route> image_routes(services& s, access_control&) {
  return {
      make_route(
          "POST", "/api/v1/images", [&](const request& r) { return upload(s, r); },
          body_kind::file),
      make_route("GET", "/api/v1/images", [&](const request& r) { return list_images(s, r); }),
      make_route("GET", "/api/v1/images/{id}",
                 [&](const request& r) { return json_reply(image_text(find(s, r))); }),
      make_route(
          "PATCH", "/api/v1/images/{id}", [&](const request& r) { return change_image(s, r); },
          body_kind::json),
      make_route("DELETE", "/api/v1/images/{id}",
                 [&](const request& r) { return delete_image(s, r); }),
  };
}

}  // namespace samovar::net
