#include <unordered_map>

#include "storage/keyset.hpp"
#include "storage/repositories.hpp"

namespace samovar::storage {

namespace {

#define IMAGE_COLUMNS                                                                  \
  "id, user_id, filename, blob_path, content_type, byte_size, sha256, width, height, " \
  "text_prompt, created_at"

// Images are told from the single row that only carries the total by their id. What a search finds
// is counted by itself, because that looks at all images of the user.
#define IMAGE_TOTAL                                                     \
  "select t.total, i.* from (select case when $5::text is null "        \
  "then (select image_count from users where id = $1) end as total) t " \
  "left join (select " IMAGE_COLUMNS " from images where user_id = $1 "

// Twice as fast as ilike, which writes the pattern in small letters again for each row.
#define NAME_LIKE(pattern) "lower(filename) like (select lower(" pattern "))"

constexpr statement insert_statement{
    "image_insert",
    "select add_image($1::uuid, $2::uuid, $3::text, $4::text, $5::text, $6::bigint, $7::text, "
    "$8::integer, $9::integer, $10::text, $11::timestamptz)"};
constexpr statement list_newest{"image_list_newest", IMAGE_TOTAL
                                "and (created_at, id) < ($2::timestamptz, $3::uuid) "
                                "and ($5::text is null or " NAME_LIKE("$5") ") "
                                "order by created_at desc, id desc limit $4::bigint) i on true"};
constexpr statement list_oldest{"image_list_oldest", IMAGE_TOTAL
                                "and (created_at, id) > ($2::timestamptz, $3::uuid) "
                                "and ($5::text is null or " NAME_LIKE("$5") ") "
                                "order by created_at, id limit $4::bigint) i on true"};
constexpr statement count_found{
    "image_count_found",
    "select count(*) from images where user_id = $1::uuid and " NAME_LIKE("$2::text")};
constexpr statement find_statement{"image_find",
                                   "select " IMAGE_COLUMNS
                                   " from images where id = $1::uuid and user_id = $2::uuid"};
constexpr statement find_many_statement{
    "image_find_many",
    "select " IMAGE_COLUMNS " from images where id = any ($1::uuid[]) and user_id = $2::uuid"};
constexpr statement text_statement{
    "image_set_text",
    "update images set text_prompt = $3::text where id = $1::uuid and user_id = $2::uuid "
    "returning " IMAGE_COLUMNS};
constexpr statement delete_statement{"image_delete", "select remove_image($1::uuid, $2::uuid)"};

core::image read_image(const pqxx::row& r, int at = 0) {
  core::image i;
  i.id = read_id<core::image_id>(r[at].c_str());
  i.owner = read_id<core::user_id>(r[at + 1].c_str());
  i.filename = r[at + 2].c_str();
  i.blob_path = r[at + 3].c_str();
  i.content_type = r[at + 4].c_str();
  i.byte_size = r[at + 5].as<std::int64_t>();
  i.sha256 = r[at + 6].c_str();
  i.width = r[at + 7].as<int>();
  i.height = r[at + 8].as<int>();
  if (!r[at + 9].is_null()) i.text_prompt = r[at + 9].c_str();
  i.created_at = read_timestamp(r[at + 10].c_str());
  return i;
}

core::error image_not_found() {
  return core::make_error(core::error_code::not_found, "Image not found");
}

// Wildcards of LIKE lose their meaning; the pattern matches anywhere in the name.
std::string substring_pattern(const std::string& text) {
  std::string pattern = "%";
  for (char c : text) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + "%";
}

}  // namespace

core::status image_repository::insert_image(core::user_id actor, const core::image& img) {
  const auto rows = pool_.take()->as_user(
      actor, insert_statement, img.id, actor, img.filename, img.blob_path, img.content_type,
      img.byte_size, img.sha256, img.width, img.height, img.text_prompt, img.created_at);
  const std::string said = rows[0][0].c_str();
  if (said == "ok") return core::done{};
  if (said == "images")
    return core::make_error(core::error_code::image_quota_reached,
                            "You have reached the number of images your account may hold");
  if (said == "storage")
    return core::make_error(core::error_code::storage_quota_reached,
                            "You have reached the storage your account may use");
  return core::make_error(core::error_code::not_found, "User not found");
}

core::page<core::image> image_repository::list_images(core::user_id actor,
                                                      const core::image_query& q) {
  const keyset start{q.paging};
  std::optional<std::string> pattern;
  if (q.search && !q.search->empty()) pattern = substring_pattern(*q.search);
  auto c = pool_.take();
  const auto rows = c->as_user(actor, q.paging.oldest_first ? list_oldest : list_newest, actor,
                               start.at, start.id, start.fetch, pattern);
  core::page<core::image> page;
  for (const auto& row : rows) {
    page.total = row[0].is_null() ? 0 : row[0].as<std::int64_t>();
    if (!row[1].is_null()) page.items.push_back(read_image(row, 1));
  }
  finish_page(
      page, q.paging.limit, [](const core::image& i) { return i.created_at; },
      [](const core::image& i) { return i.id.value; });
  if (!pattern || !q.paging.with_total) return page;
  const bool all_of_them = !q.paging.after && !page.next;
  page.total = all_of_them
                   ? static_cast<std::int64_t>(page.items.size())
                   : c->as_user(actor, count_found, actor, *pattern)[0][0].as<std::int64_t>();
  return page;
}

std::optional<core::image> image_repository::find_image(core::user_id actor, core::image_id id) {
  const auto rows = pool_.take()->as_user(actor, find_statement, id, actor);
  if (rows.empty()) return std::nullopt;
  return read_image(rows[0]);
}

std::vector<core::image> image_repository::find_images(core::user_id actor,
                                                       std::span<const core::image_id> ids) {
  std::vector<core::uuid> wanted;
  for (const auto& id : ids) wanted.push_back(id.value);
  const auto rows = pool_.take()->as_user(actor, find_many_statement, wanted, actor);
  std::unordered_map<core::image_id, core::image> found;
  for (const auto& row : rows) {
    auto image = read_image(row);
    found.emplace(image.id, std::move(image));
  }
  std::vector<core::image> out;
  for (const auto& id : ids) {
    auto node = found.extract(id);
    if (!node.empty()) out.push_back(std::move(node.mapped()));
  }
  return out;
}

core::outcome<core::image> image_repository::set_text_prompt(
    core::user_id actor, core::image_id id, const std::optional<std::string>& text) {
  const auto rows = pool_.take()->as_user(actor, text_statement, id, actor, text);
  if (rows.empty()) return image_not_found();
  return read_image(rows[0]);
}

core::status image_repository::delete_image(core::user_id actor, core::image_id id) {
  const auto rows = pool_.take()->as_user(actor, delete_statement, id, actor);
  if (!rows[0][0].as<bool>()) return image_not_found();
  return core::done{};
}

}  // namespace samovar::storage
