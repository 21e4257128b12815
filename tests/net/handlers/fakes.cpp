#include "fakes.hpp"

#include <algorithm>

namespace samovar::net::testing {

using core::error_code;
using core::make_error;

namespace {

core::error not_found(const char* sentence) { return make_error(error_code::not_found, sentence); }

core::processing_result without_prompts(core::processing_result r) {
  r.prompts = {};
  return r;
}

}  // namespace

std::string fake_secrets::random_token() const {
  auto text = std::to_string(++counter);
  return std::string(43 - text.size(), 'r') + text;
}
std::string fake_secrets::sha256(std::string_view data) const {
  std::string out = std::to_string(std::hash<std::string_view>{}(data));
  out.resize(32, '#');
  return out;
}

core::status fake_images::insert_image(core::user_id, const core::image& img) {
  if (refuse_insert) return *refuse_insert;
  rows.push_back(img);
  if (lost_in_doubt) throw core::store_unavailable("away");
  return core::done{};
}
core::page<core::image> fake_images::list_images(core::user_id actor, const core::image_query& q) {
  ++list_calls;
  if (q.paging.with_total) ++totals_asked;
  std::vector<core::image> mine;
  for (const auto& i : rows)
    if (i.owner == actor && (!q.search || i.filename.find(*q.search) != std::string::npos))
      mine.push_back(i);
  return page_of(std::move(mine), q.paging);
}
std::optional<core::image> fake_images::find_image(core::user_id actor, core::image_id id) {
  for (const auto& i : rows)
    if (i.owner == actor && i.id == id) return i;
  return std::nullopt;
}
std::vector<core::image> fake_images::find_images(core::user_id actor,
                                                  std::span<const core::image_id> ids) {
  std::vector<core::image> out;
  std::set<core::image_id> seen;
  for (const auto id : ids)
    if (const auto i = find_image(actor, id); i && seen.insert(id).second) out.push_back(*i);
  return out;
}
core::outcome<core::image> fake_images::set_text_prompt(core::user_id actor, core::image_id id,
                                                        const std::optional<std::string>& text) {
  for (auto& i : rows)
    if (i.owner == actor && i.id == id) {
      i.text_prompt = text;
      return i;
    }
  return not_found("Image not found");
}
core::status fake_images::delete_image(core::user_id actor, core::image_id id) {
  if (std::erase_if(rows, [&](const auto& i) { return i.owner == actor && i.id == id; }) == 0)
    return not_found("Image not found");
  return core::done{};
}

core::outcome<core::bbox_annotation> fake_annotations::add_box(core::user_id actor,
                                                               const core::bbox_annotation& a) {
  const auto image = images.find_image(actor, a.image);
  if (!image) return not_found("Image not found");
  if (auto e = core::check_box(a.prompt.area, {image->width, image->height})) return *e;
  boxes.push_back(a);
  return a;
}
core::outcome<core::page<core::bbox_annotation>> fake_annotations::list_boxes(
    core::user_id actor, core::image_id image, std::optional<core::prompt_type> type,
    const core::page_request& p) {
  if (!images.find_image(actor, image)) return not_found("Image not found");
  std::vector<core::bbox_annotation> out;
  for (const auto& b : boxes)
    if (b.image == image && (!type || b.prompt.type == *type)) out.push_back(b);
  return page_of(std::move(out), p);
}
core::outcome<core::bbox_annotation> fake_annotations::change_box(
    core::user_id actor, core::annotation_id id,
    const std::function<void(core::box_prompt&)>& edit) {
  for (auto& b : boxes) {
    const auto image = images.find_image(actor, b.image);
    if (b.prompt.id != id || !image) continue;
    auto changed = b;
    edit(changed.prompt);
    if (auto e = core::check_box(changed.prompt.area, {image->width, image->height})) return *e;
    b = changed;
    return b;
  }
  return not_found("Annotation not found");
}
core::status fake_annotations::delete_box(core::user_id actor, core::annotation_id id) {
  const auto n = std::erase_if(
      boxes, [&](const auto& b) { return b.prompt.id == id && images.find_image(actor, b.image); });
  if (n == 0) return not_found("Annotation not found");
  return core::done{};
}
core::outcome<core::point_annotation> fake_annotations::add_point(core::user_id actor,
                                                                  const core::point_annotation& a) {
  const auto image = images.find_image(actor, a.image);
  if (!image) return not_found("Image not found");
  if (auto e = core::check_point(a.prompt.at, {image->width, image->height})) return *e;
  points.push_back(a);
  return a;
}
core::outcome<core::page<core::point_annotation>> fake_annotations::list_points(
    core::user_id actor, core::image_id image, const core::page_request& p) {
  if (!images.find_image(actor, image)) return not_found("Image not found");
  std::vector<core::point_annotation> out;
  for (const auto& a : points)
    if (a.image == image) out.push_back(a);
  return page_of(std::move(out), p);
}
core::status fake_annotations::delete_point(core::user_id actor, core::point_id id) {
  const auto n = std::erase_if(points, [&](const auto& a) {
    return a.prompt.id == id && images.find_image(actor, a.image);
  });
  if (n == 0) return not_found("Point annotation not found");
  return core::done{};
}

core::page<core::job> fake_jobs::list_jobs(core::user_id actor,
                                           std::optional<core::job_status> status,
                                           const core::page_request& p) {
  std::vector<core::job> out;
  for (const auto& j : rows)
    if (j.user == actor && (!status || j.status == *status)) out.push_back(j);
  return page_of(std::move(out), p);
}
std::optional<core::job> fake_jobs::find_job(core::user_id actor, core::job_id id) {
  for (const auto& j : rows)
    if (j.user == actor && j.id == id) return j;
  return std::nullopt;
}
core::queue_summary fake_jobs::summarize_queue(core::user_id actor) {
  core::queue_summary q;
  q.paused = paused;
  for (const auto& j : rows) {
    if (j.user != actor || core::is_terminal(j.status)) continue;
    ++(j.status == core::job_status::queued ? q.queued_jobs : q.running_jobs);
    q.waiting_images += static_cast<std::int64_t>(j.image_ids.size()) - j.current_index;
  }
  return q;
}
core::outcome<core::page<core::job_image_state>> fake_jobs::list_job_images(
    core::user_id actor, core::job_id id, const core::page_request& p) {
  if (!find_job(actor, id)) return not_found("Job not found");
  return page_of(images[id], p);
}
std::vector<core::image_id> fake_jobs::failed_images(core::user_id actor, core::job_id id) {
  std::vector<core::image_id> out;
  if (!find_job(actor, id)) return out;
  for (const auto& i : images[id])
    if (i.state == core::unit_state::failed) out.insert(out.begin(), i.image);
  return out;
}

std::optional<core::processing_result> fake_results::find_result(core::user_id actor,
                                                                 core::result_id id) {
  for (const auto& r : rows)
    if (r.user == actor && r.id == id) return without_prompts(r);
  return std::nullopt;
}
std::optional<core::processing_result> fake_results::newest_result(core::user_id actor,
                                                                   core::image_id image,
                                                                   core::segmentation_mode mode) {
  for (auto r = rows.rbegin(); r != rows.rend(); ++r)
    if (r->user == actor && r->image == image && r->mode == mode) return without_prompts(*r);
  return std::nullopt;
}
core::result_run fake_results::newest_results(core::user_id actor,
                                              std::span<const core::image_id> images,
                                              core::segmentation_mode mode) {
  ++runs;
  core::result_run run;
  run.images_done = std::min(images.size(), run_max);
  for (const auto id : images.first(run.images_done))
    if (auto r = newest_result(actor, id, mode)) run.results.push_back(std::move(*r));
  return run;
}
void fake_results::add_prompts(core::user_id actor, std::span<core::processing_result> results) {
  ++prompt_reads;
  for (auto& r : results)
    for (const auto& row : rows)
      if (row.user == actor && row.id == r.id) r.prompts = row.prompts;
}
core::page<core::processing_result> fake_results::list_results(core::user_id actor,
                                                               std::optional<core::image_id> image,
                                                               const core::page_request& p) {
  std::vector<core::processing_result> out;
  for (const auto& r : rows)
    if (r.user == actor && (!image || r.image == *image)) out.push_back(r);
  return page_of(std::move(out), p);
}

core::status fake_blobs::put_file(const std::string& key, const std::filesystem::path& file) {
  return put_bytes(key, "bytes of " + file.string());
}
core::status fake_blobs::put_bytes(const std::string& key, std::string_view bytes) {
  if (full) return make_error(error_code::storage_full, "The disk is full");
  blobs[key] = std::string(bytes);
  return core::done{};
}
std::optional<std::string> fake_blobs::read(const std::string& key) {
  const auto at = blobs.find(key);
  if (at == blobs.end()) return std::nullopt;
  return at->second;
}
std::optional<std::string> fake_blobs::read_range(const std::string& key, std::uint64_t offset,
                                                  std::size_t count) {
  const auto all = read(key);
  if (!all) return std::nullopt;
  return all->substr(static_cast<std::size_t>(offset), count);
}
std::optional<std::uint64_t> fake_blobs::size_of(const std::string& key) {
  const auto all = read(key);
  if (!all) return std::nullopt;
  return all->size();
}

core::outcome<core::image_facts> fake_codec::inspect_file(const std::filesystem::path&) {
  if (refuse_upload) return *refuse_upload;
  return core::image_facts{"image/png", "png", 100, 50};
}
core::outcome<std::string> fake_codec::thumbnail(std::string_view bytes, int side_px) {
  ++thumbnails;
  return "thumb " + std::to_string(side_px) + " of " + std::string(bytes);
}
std::string fake_codec::encode_png(std::span<const std::uint8_t> grey, int width, int height) {
  ++pngs;
  return "PNG " + std::to_string(width) + "x" + std::to_string(height) + " " +
         std::string(grey.begin(), grey.end());
}
std::vector<std::vector<double>> fake_codec::polygons(const core::rle& mask) {
  if (core::rle_area(mask) < 4) return {};
  const auto b = core::rle_bounds(mask);
  const double x = b.x, y = b.y, right = b.x + b.width, bottom = b.y + b.height;
  return {{x, y, right, y, right, bottom, x, bottom}};
}

}  // namespace samovar::net::testing
