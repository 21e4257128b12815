#include "net/handlers/export_walk.hpp"

#include <algorithm>

#include "net/coco.hpp"

namespace samovar::net {

namespace {

using core::error_code;

constexpr std::size_t results_at_once = 100;

/// The page of all images after `after`, oldest first.
core::page<core::image> read_images(services& s, core::user_id actor,
                                    const std::optional<core::cursor>& after) {
  core::image_query query;
  query.paging.after = after;
  query.paging.oldest_first = true;
  query.paging.with_total = false;
  return s.images.list_images(actor, query);
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

}  // namespace

export_walk::export_walk(services& s, const request& r, bool with_prompts)
    : s_(s),
      actor_(r.actor.id),
      mode_(query_mode(r)),
      with_prompts_(with_prompts && shows_prompts(mode_)) {
  if (const auto ids = read_image_ids(r)) {
    page_.items = s.images.find_images(actor_, *ids);
    if (page_.items.empty())
      refuse(error_code::no_valid_images, "No valid image IDs provided", "image_ids");
    return;
  }
  page_ = read_images(s, actor_, {});
}

std::optional<std::pair<core::image, core::processing_result>> export_walk::next() {
  while (result_at_ == results_.size()) {
    if (read_ == page_.items.size() && !turn_page()) return std::nullopt;
    read_results();
  }
  auto& result = results_[result_at_++];
  while (page_.items.at(at_).id != result.image) ++at_;
  return std::pair{page_.items[at_++], std::move(result)};
}

bool export_walk::turn_page() {
  if (!page_.next) return false;
  page_ = read_images(s_, actor_, page_.next);
  at_ = read_ = 0;
  return !page_.items.empty();
}

void export_walk::read_results() {
  std::vector<core::image_id> ids;
  for (auto i = read_; i < std::min(page_.items.size(), read_ + results_at_once); ++i)
    ids.push_back(page_.items[i].id);
  auto run = s_.results.newest_results(actor_, ids, mode_);
  read_ += run.images_done;
  results_ = std::move(run.results);
  result_at_ = 0;
  if (with_prompts_) s_.results.add_prompts(actor_, results_);
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
