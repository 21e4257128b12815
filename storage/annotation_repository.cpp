#include "core/limits.hpp"
#include "storage/keyset.hpp"
#include "storage/repositories.hpp"

namespace samovar::storage {

namespace {

#define BOX_COLUMNS "id, image_id, bbox_x, bbox_y, bbox_width, bbox_height, prompt_type, created_at"
#define POINT_COLUMNS "id, image_id, point_x, point_y, is_positive, created_at"

constexpr statement image_for_box{
    "box_image",
    "select width, height, (select count(*) from bbox_annotations b where b.image_id = i.id "
    "and b.user_id = $2::uuid) "
    "from images i where id = $1::uuid and user_id = $2::uuid"};
constexpr statement image_for_point{
    "point_image",
    "select width, height, (select count(*) from point_annotations p where p.image_id = i.id "
    "and p.user_id = $2::uuid) "
    "from images i where id = $1::uuid and user_id = $2::uuid"};
constexpr statement box_insert{
    "box_insert",
    "insert into bbox_annotations (id, image_id, user_id, bbox_x, bbox_y, bbox_width, "
    "bbox_height, prompt_type, created_at) values ($1::uuid, $2::uuid, $3::uuid, $4::integer, "
    "$5::integer, $6::integer, $7::integer, $8::text, $9::timestamptz)"};
constexpr statement point_insert{
    "point_insert",
    "insert into point_annotations (id, image_id, user_id, point_x, point_y, is_positive, "
    "created_at) values ($1::uuid, $2::uuid, $3::uuid, $4::integer, $5::integer, $6::boolean, "
    "$7::timestamptz)"};
// For the last places on an image: its prompts are added one after another.
constexpr statement image_lock{"prompt_image_lock",
                               "select id from images where id = $1::uuid and user_id = $2::uuid "
                               "for no key update"};
constexpr statement box_insert_bounded{
    "box_insert_bounded",
    "insert into bbox_annotations (id, image_id, user_id, bbox_x, bbox_y, bbox_width, "
    "bbox_height, prompt_type, created_at) select $1::uuid, $2::uuid, $3::uuid, $4::integer, "
    "$5::integer, $6::integer, $7::integer, $8::text, $9::timestamptz where (select count(*) from "
    "bbox_annotations where image_id = $2 and user_id = $3) < $10::bigint returning id"};
constexpr statement point_insert_bounded{
    "point_insert_bounded",
    "insert into point_annotations (id, image_id, user_id, point_x, point_y, is_positive, "
    "created_at) select $1::uuid, $2::uuid, $3::uuid, $4::integer, $5::integer, $6::boolean, "
    "$7::timestamptz where (select count(*) from point_annotations where image_id = $2 "
    "and user_id = $3) < $8::bigint returning id"};
// The image is always row one, so that "no such image" and "no annotations" differ. The count names
// no column of the image: it runs once, not for each row.
#define BOX_LIST                                                                      \
  "select im.id, (select count(*) from bbox_annotations where image_id = $1 "         \
  "and user_id = $2 and ($6::text is null or prompt_type = $6)), a.* from images im " \
  "left join (select " BOX_COLUMNS                                                    \
  " from bbox_annotations where image_id = $1 "                                       \
  "and user_id = $2 and ($6::text is null or prompt_type = $6) "
#define BOX_LIST_END " limit $5::bigint) a on true where im.id = $1::uuid and im.user_id = $2::uuid"
constexpr statement box_list_oldest{
    "box_list_oldest", BOX_LIST
    "and (created_at, id) > ($3::timestamptz, $4::uuid) order by created_at, id" BOX_LIST_END};
constexpr statement box_list_newest{"box_list_newest", BOX_LIST
                                    "and (created_at, id) < ($3::timestamptz, $4::uuid) "
                                    "order by created_at desc, id desc" BOX_LIST_END};
#define POINT_LIST                                                             \
  "select im.id, (select count(*) from point_annotations where image_id = $1 " \
  "and user_id = $2), a.* from images im "                                     \
  "left join (select " POINT_COLUMNS                                           \
  " from point_annotations where image_id = $1 "                               \
  "and user_id = $2 "
constexpr statement point_list_oldest{
    "point_list_oldest", POINT_LIST
    "and (created_at, id) > ($3::timestamptz, $4::uuid) order by created_at, id" BOX_LIST_END};
constexpr statement point_list_newest{"point_list_newest", POINT_LIST
                                      "and (created_at, id) < ($3::timestamptz, $4::uuid) "
                                      "order by created_at desc, id desc" BOX_LIST_END};
constexpr statement box_lock{
    "box_lock",
    "select b.id, b.image_id, b.bbox_x, b.bbox_y, b.bbox_width, b.bbox_height, b.prompt_type, "
    "b.created_at, i.width, i.height from bbox_annotations b join images i on i.id = b.image_id "
    "where b.id = $1::uuid and b.user_id = $2::uuid for update of b"};
constexpr statement box_update{
    "box_update",
    "update bbox_annotations set bbox_x = $3::integer, bbox_y = $4::integer, "
    "bbox_width = $5::integer, bbox_height = $6::integer, prompt_type = $7::text "
    "where id = $1::uuid and user_id = $2::uuid"};
constexpr statement box_delete{
    "box_delete",
    "delete from bbox_annotations where id = $1::uuid and user_id = $2::uuid returning id"};
constexpr statement point_delete{
    "point_delete",
    "delete from point_annotations where id = $1::uuid and user_id = $2::uuid returning id"};

core::error image_not_found() {
  return core::make_error(core::error_code::not_found, "Image not found");
}

core::bbox_annotation read_box(const pqxx::row& r, int at) {
  core::bbox_annotation a;
  a.prompt.id = read_id<core::annotation_id>(r[at].c_str());
  a.image = read_id<core::image_id>(r[at + 1].c_str());
  a.prompt.area = {r[at + 2].as<int>(), r[at + 3].as<int>(), r[at + 4].as<int>(),
                   r[at + 5].as<int>()};
  a.prompt.type = core::parse_prompt_type(r[at + 6].c_str()).value();
  a.created_at = read_timestamp(r[at + 7].c_str());
  return a;
}

core::point_annotation read_point(const pqxx::row& r, int at) {
  core::point_annotation a;
  a.prompt.id = read_id<core::point_id>(r[at].c_str());
  a.image = read_id<core::image_id>(r[at + 1].c_str());
  a.prompt.at = {r[at + 2].as<int>(), r[at + 3].as<int>()};
  a.prompt.is_positive = r[at + 4].as<bool>();
  a.created_at = read_timestamp(r[at + 5].c_str());
  return a;
}

/// So many may be adding at the same time.
constexpr std::size_t adding_max = 256;

/// Adds where `count` prompts were seen of `max`: near the end only what still fits, checked under
/// the image's lock; false when it no longer does.
template <class... Args>
bool insert_within(connection& c, core::user_id actor, core::image_id image, std::size_t count,
                   std::size_t max, const statement& insert, const statement& bounded,
                   const Args&... args) {
  if (count + adding_max <= max) {
    c.as_user(actor, insert, args...);
    return true;
  }
  c.prepare(image_lock);
  c.prepare(bounded);
  const auto limit = static_cast<std::int64_t>(max);
  return !c.exec(set_user_text(actor) + ";" + execute_text(image_lock, image, actor) + ";" +
                 execute_text(bounded, args..., limit))
              .empty();
}

core::error too_many(const char* sentence) {
  return core::make_error(core::error_code::conflict, sentence);
}

// The image may be deleted between the look at its size and the insert: then it was not found.
template <class F>
core::status insert_or_not_found(F&& insert) {
  try {
    insert();
    return core::done{};
  } catch (const pqxx::foreign_key_violation&) {
    return image_not_found();
  }
}

}  // namespace

core::outcome<core::bbox_annotation> annotation_repository::add_box(
    core::user_id actor, const core::bbox_annotation& a) {
  auto c = pool_.take();
  const auto image = c->as_user(actor, image_for_box, a.image, actor);
  if (image.empty()) return image_not_found();
  if (auto wrong = core::check_box(a.prompt.area, {image[0][0].as<int>(), image[0][1].as<int>()}))
    return *wrong;
  const auto& p = a.prompt;
  bool fits = true;
  auto stored = insert_or_not_found([&] {
    fits = insert_within(*c, actor, a.image, image[0][2].as<std::size_t>(),
                         core::limits::boxes_per_image_max, box_insert, box_insert_bounded, p.id,
                         a.image, actor, p.area.x, p.area.y, p.area.width, p.area.height,
                         std::string{core::to_string(p.type)}, a.created_at);
  });
  if (!stored) return stored.failure();
  if (!fits) return too_many("The image has too many boxes already");
  return a;
}

core::outcome<core::page<core::bbox_annotation>> annotation_repository::list_boxes(
    core::user_id actor, core::image_id image, std::optional<core::prompt_type> type,
    const core::page_request& p) {
  const keyset start{p};
  std::optional<std::string> wanted;
  if (type) wanted = std::string{core::to_string(*type)};
  const auto rows = pool_.take()->as_user(actor, p.oldest_first ? box_list_oldest : box_list_newest,
                                          image, actor, start.at, start.id, start.fetch, wanted);
  if (rows.empty()) return image_not_found();
  core::page<core::bbox_annotation> page;
  for (const auto& row : rows) {
    page.total = row[1].as<std::int64_t>();
    if (!row[2].is_null()) page.items.push_back(read_box(row, 2));
  }
  finish_page(
      page, p.limit, [](const auto& a) { return a.created_at; },
      [](const auto& a) { return a.prompt.id.value; });
  return page;
}

core::outcome<core::bbox_annotation> annotation_repository::change_box(
    core::user_id actor, core::annotation_id id,
    const std::function<void(core::box_prompt&)>& edit) {
  auto c = pool_.take();
  c->prepare(box_lock);
  c->prepare(box_update);
  return c->guarded([&]() -> core::outcome<core::bbox_annotation> {
    pqxx::work t{c->raw()};
    t.exec(set_user_text(actor));
    const auto rows = t.exec(execute_text(box_lock, id, actor));
    if (rows.empty()) return core::make_error(core::error_code::not_found, "Annotation not found");
    auto a = read_box(rows[0], 0);
    edit(a.prompt);
    a.prompt.id = id;
    const core::size size{rows[0][8].as<int>(), rows[0][9].as<int>()};
    if (auto wrong = core::check_box(a.prompt.area, size)) return *wrong;
    const auto& b = a.prompt.area;
    t.exec(execute_text(box_update, id, actor, b.x, b.y, b.width, b.height,
                        std::string{core::to_string(a.prompt.type)}));
    t.commit();
    return a;
  });
}

core::status annotation_repository::delete_box(core::user_id actor, core::annotation_id id) {
  if (pool_.take()->as_user(actor, box_delete, id, actor).empty())
    return core::make_error(core::error_code::not_found, "Annotation not found");
  return core::done{};
}

core::outcome<core::point_annotation> annotation_repository::add_point(
    core::user_id actor, const core::point_annotation& a) {
  auto c = pool_.take();
  const auto image = c->as_user(actor, image_for_point, a.image, actor);
  if (image.empty()) return image_not_found();
  if (auto wrong = core::check_point(a.prompt.at, {image[0][0].as<int>(), image[0][1].as<int>()}))
    return *wrong;
  const auto& p = a.prompt;
  bool fits = true;
  auto stored = insert_or_not_found([&] {
    fits = insert_within(*c, actor, a.image, image[0][2].as<std::size_t>(),
                         core::limits::points_per_image_max, point_insert, point_insert_bounded,
                         p.id, a.image, actor, p.at.x, p.at.y, p.is_positive, a.created_at);
  });
  if (!stored) return stored.failure();
  if (!fits) return too_many("The image has too many points already");
  return a;
}

core::outcome<core::page<core::point_annotation>> annotation_repository::list_points(
    core::user_id actor, core::image_id image, const core::page_request& p) {
  const keyset start{p};
  const auto rows =
      pool_.take()->as_user(actor, p.oldest_first ? point_list_oldest : point_list_newest, image,
                            actor, start.at, start.id, start.fetch);
  if (rows.empty()) return image_not_found();
  core::page<core::point_annotation> page;
  for (const auto& row : rows) {
    page.total = row[1].as<std::int64_t>();
    if (!row[2].is_null()) page.items.push_back(read_point(row, 2));
  }
  finish_page(
      page, p.limit, [](const auto& a) { return a.created_at; },
      [](const auto& a) { return a.prompt.id.value; });
  return page;
}

core::status annotation_repository::delete_point(core::user_id actor, core::point_id id) {
  if (pool_.take()->as_user(actor, point_delete, id, actor).empty())
    return core::make_error(core::error_code::not_found, "Point annotation not found");
  return core::done{};
}

}  // namespace samovar::storage
