#include "net/handlers/export_walk.hpp"

namespace samovar::net {

namespace {

using core::error_code;

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

}  // namespace

export_walk::export_walk(services& s, const request& r)
    : s_(s), actor_(r.actor.id), mode_(query_mode(r)) {
  if (const auto ids = read_image_ids(r)) {
    page_.items = s.images.find_images(actor_, *ids);
    if (page_.items.empty())
      refuse(error_code::no_valid_images, "No valid image IDs provided", "image_ids");
    return;
  }
  core::image_query query;
  query.paging.oldest_first = true;
  page_ = s.images.list_images(actor_, query);
}

std::optional<std::pair<core::image, core::processing_result>> export_walk::next() {
  while (at_ < page_.items.size() || turn_page()) {
    const auto& image = page_.items[at_++];
    if (auto result = s_.results.newest_result(actor_, image.id, mode_))
      return std::pair{image, std::move(*result)};
  }
  return std::nullopt;
}

bool export_walk::turn_page() {
  if (!page_.next) return false;
  core::image_query query;
  query.paging.after = page_.next;
  query.paging.oldest_first = true;
  page_ = s_.images.list_images(actor_, query);
  at_ = 0;
  return !page_.items.empty();
}

std::string stem_of(const core::image& i) {
  auto stem = i.filename.substr(0, i.filename.rfind('.'));
  return stem.empty() ? "image" : stem;
}

reply download(body_source next, const std::string& content_type, const std::string& filename) {
  reply out;
  out.content_type = content_type;
  out.body = std::move(next);
  out.headers.emplace_back("Content-Disposition", content_disposition("attachment", filename));
  out.headers.emplace_back("Cache-Control", "private, no-cache");
  return out;
}

}  // namespace samovar::net
