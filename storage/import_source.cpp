#include "storage/import_source.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "storage/sql_text.hpp"

namespace samovar::storage {

namespace {

constexpr const char* supported =
    "; supported is the last single-user version (bbox_annotations, point_annotations and "
    "processing_jobs.annotations_snapshot)";

using columns = std::map<std::string, std::set<std::string>>;

const columns& required_columns() {
  static const columns all = {
      {"images", {"id", "filename", "blob_path", "width", "height", "created_at", "text_prompt"}},
      {"bbox_annotations",
       {"id", "image_id", "bbox_x", "bbox_y", "bbox_width", "bbox_height", "prompt_type",
        "created_at"}},
      {"point_annotations", {"id", "image_id", "point_x", "point_y", "is_positive", "created_at"}},
      {"processing_jobs",
       {"id", "mode", "status", "image_ids", "image_filenames", "current_index", "created_at",
        "started_at", "completed_at", "error", "annotations_snapshot"}},
      {"processing_results",
       {"id", "job_id", "image_id", "mode", "mask_blob_path", "coco_json_blob_path", "processed_at",
        "bboxes"}}};
  return all;
}

const char* table_of(import_kind kind) {
  switch (kind) {
    case import_kind::images: return "images";
    case import_kind::boxes: return "bbox_annotations";
    case import_kind::points: return "point_annotations";
    case import_kind::jobs: return "processing_jobs";
    case import_kind::results: return "processing_results";
  }
  return "";
}

std::string page_sql(const std::string& columns, import_kind kind, const core::uuid& after,
                     int limit) {
  std::string sql = "select " + columns + " from " + table_of(kind) + " where id > ";
  append_literal(sql, after);
  return sql + " order by id limit " + std::to_string(limit);
}

std::optional<std::string> text_of(const pqxx::field& f) {
  if (f.is_null()) return std::nullopt;
  return std::string{f.c_str()};
}
std::optional<core::timestamp> time_of(const pqxx::field& f) {
  if (f.is_null()) return std::nullopt;
  return read_timestamp(f.c_str());
}

// Lists in JSON columns; anything of another shape gives an empty list.
std::vector<std::string> strings_of(const pqxx::field& f) {
  std::vector<std::string> out;
  const auto list = nlohmann::json::parse(f.is_null() ? "[]" : f.c_str(), nullptr, false);
  if (!list.is_array()) return out;
  for (const auto& item : list) out.push_back(item.is_string() ? item.get<std::string>() : "");
  return out;
}

std::vector<core::image_id> ids_of(const std::vector<std::string>& texts) {
  std::vector<core::image_id> ids;
  for (const auto& text : texts) {
    const auto id = core::parse_id<core::image_id>(text);
    if (!id) return {};
    ids.push_back(*id);
  }
  return ids;
}

}  // namespace

const char* to_string(import_kind kind) {
  switch (kind) {
    case import_kind::images: return "images";
    case import_kind::boxes: return "boxes";
    case import_kind::points: return "points";
    case import_kind::jobs: return "jobs";
    case import_kind::results: return "results";
  }
  return "";
}

std::string import_digest_sql(import_kind kind, bool old) {
  const std::string at = "extract(epoch from ";
  std::string text;
  switch (kind) {
    case import_kind::images:
      text = "filename, coalesce(text_prompt, '\\'), " + at + "created_at)";
      break;
    case import_kind::boxes:
      text = "image_id, bbox_x, bbox_y, bbox_width, bbox_height, lower(prompt_type::text), " + at +
             "created_at)";
      break;
    case import_kind::points:
      text = "image_id, point_x, point_y, is_positive, " + at + "created_at)";
      break;
    case import_kind::jobs:
      text = "lower(mode::text), " + at + "created_at), " +
             (old ? "(select string_agg(lower(x), ',' order by n) from "
                    "json_array_elements_text(image_ids) with ordinality as l (x, n))"
                  : "array_to_string(image_ids, ',')");
      break;
    case import_kind::results:
      text = "job_id, image_id, lower(mode::text), " + at + "processed_at)";
      break;
  }
  return "md5(convert_to(concat_ws('|', " + text + "), 'UTF8'))";
}

import_source::import_source(const std::string& url) {
  try {
    connection_ = std::make_unique<pqxx::connection>(url);
    {
      pqxx::nontransaction t{*connection_};
      t.exec(
          "set timezone='UTC'; set datestyle='ISO, YMD'; set client_encoding='UTF8'; "
          "set standard_conforming_strings=on; set search_path=public; set statement_timeout=0; "
          "set idle_in_transaction_session_timeout=0");
    }
    snapshot_ =
        std::make_unique<pqxx::transaction<pqxx::repeatable_read, pqxx::read_only>>(*connection_);
    refuse_other_versions();
    identity_ = "postgresql:" +
                std::string{exec("select case when has_function_privilege('pg_control_system()', "
                                 "'execute') then (select system_identifier::text from "
                                 "pg_control_system()) else 'unknown' end "
                                 "|| '/' || current_database()")[0][0]
                                .c_str()};
    load_superseded();
  } catch (const pqxx::broken_connection& e) {
    throw import_error(std::string{"the source database can't be reached: "} + e.what());
  } catch (const pqxx::sql_error& e) {
    throw import_error(std::string{"the source database can't be read: "} + e.what());
  }
}

pqxx::result import_source::exec(const std::string& sql) { return snapshot_->exec(sql); }

void import_source::refuse_other_versions() {
  columns found;
  for (const auto& row : exec("select table_name, column_name from information_schema.columns "
                              "where table_schema = 'public'"))
    found[row[0].c_str()].insert(row[1].c_str());
  if (found.contains("schema_migrations") && found.contains("users"))
    throw import_error(
        "the source is a Samovar database, not a single-user one; to move it use `samovar backup` "
        "and `samovar restore`");
  if (!found.contains("images"))
    throw import_error("the source has no table `images`: it is not a single-user database");
  if (found.contains("annotations") && !found.contains("bbox_annotations"))
    throw import_error(
        std::string{"the source is of an early version with one table `annotations`"} + supported);
  for (const char* table : {"annotations", "bbox_annotations", "point_annotations"})
    if (found[table].contains("source"))
      throw import_error(std::string{"the source is of a version with a column `source` in `"} +
                         table + "`" + supported);
  if (found.contains("processing_jobs") &&
      !found["processing_jobs"].contains("annotations_snapshot"))
    throw import_error(
        std::string{"the source is of a version before processing_jobs.annotations_snapshot"} +
        supported);
  for (const auto& [table, wanted] : required_columns()) {
    if (!found.contains(table))
      throw import_error("the source is of an unknown version: it has no table `" + table + "`" +
                         supported);
    for (const auto& column : wanted)
      if (!found[table].contains(column))
        throw import_error("the source is of an unknown version: `" + table + "` has no column `" +
                           column + "`" + supported);
  }
}

void import_source::load_superseded() {
  for (const auto& row :
       exec("select id from (select id, row_number() over (partition by job_id, image_id "
            "order by processed_at desc, id desc) as n from processing_results) r where n > 1"))
    superseded_.insert(read_uuid(row[0].c_str()));
}

std::int64_t import_source::count(import_kind kind) {
  return exec(std::string{"select count(*) from "} + table_of(kind))[0][0].as<std::int64_t>();
}

std::vector<old_image> import_source::images(const core::uuid& after, int limit) {
  std::vector<old_image> out;
  for (const auto& r : exec(page_sql("id, filename, blob_path, width, height, created_at, "
                                     "text_prompt",
                                     import_kind::images, after, limit)))
    out.push_back({read_uuid(r[0].c_str()), r[1].c_str(), r[2].c_str(), r[3].as<std::int32_t>(),
                   r[4].as<std::int32_t>(), read_timestamp(r[5].c_str()), text_of(r[6])});
  return out;
}

std::vector<old_box> import_source::boxes(const core::uuid& after, int limit) {
  std::vector<old_box> out;
  for (const auto& r : exec(page_sql("id, image_id, bbox_x, bbox_y, bbox_width, bbox_height, "
                                     "lower(prompt_type::text), created_at",
                                     import_kind::boxes, after, limit))) {
    old_box b;
    b.id = read_uuid(r[0].c_str());
    b.row.prompt.id.value = b.id;
    b.row.image.value = read_uuid(r[1].c_str());
    b.row.prompt.area = {r[2].as<std::int32_t>(), r[3].as<std::int32_t>(), r[4].as<std::int32_t>(),
                         r[5].as<std::int32_t>()};
    const auto type = core::parse_prompt_type(r[6].c_str());
    if (!type)
      throw import_error(std::string{"the source has an unknown prompt type "} + r[6].c_str());
    b.row.prompt.type = *type;
    b.row.created_at = read_timestamp(r[7].c_str());
    out.push_back(std::move(b));
  }
  return out;
}

std::vector<old_point> import_source::points(const core::uuid& after, int limit) {
  std::vector<old_point> out;
  for (const auto& r : exec(page_sql("id, image_id, point_x, point_y, is_positive, created_at",
                                     import_kind::points, after, limit))) {
    old_point p;
    p.id = read_uuid(r[0].c_str());
    p.row.prompt.id.value = p.id;
    p.row.image.value = read_uuid(r[1].c_str());
    p.row.prompt.at = {r[2].as<std::int32_t>(), r[3].as<std::int32_t>()};
    p.row.prompt.is_positive = r[4].as<bool>();
    p.row.created_at = read_timestamp(r[5].c_str());
    out.push_back(std::move(p));
  }
  return out;
}

std::vector<old_job> import_source::jobs(const core::uuid& after, int limit) {
  std::vector<old_job> out;
  std::map<core::uuid, std::size_t> place;
  for (const auto& r : exec(page_sql("id, lower(mode::text), lower(status::text), image_ids, "
                                     "image_filenames, current_index, created_at, started_at, "
                                     "completed_at, error, annotations_snapshot",
                                     import_kind::jobs, after, limit))) {
    old_job j;
    j.id = read_uuid(r[0].c_str());
    const auto mode = core::parse_segmentation_mode(r[1].c_str());
    if (!mode) throw import_error(std::string{"the source has an unknown mode "} + r[1].c_str());
    j.mode = *mode;
    j.status = r[2].c_str();
    j.images = ids_of(strings_of(r[3]));
    j.names = strings_of(r[4]);
    j.names.resize(j.images.size());
    j.current_index = r[5].is_null() ? 0 : r[5].as<std::int32_t>();
    j.created_at = read_timestamp(r[6].c_str());
    j.started_at = time_of(r[7]);
    j.completed_at = time_of(r[8]);
    j.error = text_of(r[9]);
    j.snapshot = text_of(r[10]);
    place.emplace(j.id, out.size());
    out.push_back(std::move(j));
  }
  std::vector<core::uuid> ids;
  for (const auto& j : out) ids.push_back(j.id);
  std::string sql = "select job_id, image_id from processing_results where job_id = any (";
  append_literal(sql, ids);
  for (const auto& r : exec(sql + "::uuid[])"))
    out[place.at(read_uuid(r[0].c_str()))].with_result.insert(
        core::image_id{read_uuid(r[1].c_str())});
  return out;
}

std::vector<old_result> import_source::results(const core::uuid& after, int limit) {
  std::vector<old_result> out;
  for (const auto& r : exec(page_sql("id, job_id, image_id, lower(mode::text), mask_blob_path, "
                                     "coco_json_blob_path, processed_at, bboxes",
                                     import_kind::results, after, limit))) {
    const auto mode = core::parse_segmentation_mode(r[3].c_str());
    if (!mode) throw import_error(std::string{"the source has an unknown mode "} + r[3].c_str());
    out.push_back({read_uuid(r[0].c_str()), read_id<core::job_id>(r[1].c_str()),
                   read_id<core::image_id>(r[2].c_str()), *mode, r[4].c_str(), r[5].c_str(),
                   read_timestamp(r[6].c_str()), text_of(r[7])});
  }
  return out;
}

std::vector<import_digest> import_source::digests(import_kind kind, const core::uuid& after,
                                                  int limit) {
  const std::string status = kind == import_kind::jobs ? "lower(status::text)" : "''";
  std::vector<import_digest> out;
  for (const auto& r :
       exec(page_sql("id, " + import_digest_sql(kind, true) + ", " + status, kind, after, limit)))
    out.push_back({read_uuid(r[0].c_str()), r[1].c_str(), r[2].c_str()});
  return out;
}

core::image_prompts import_source::prompts(core::image_id image) {
  std::string id;
  append_literal(id, image);
  core::image_prompts p;
  const auto own = exec("select text_prompt from images where id = " + id);
  if (own.empty()) return p;
  p.text = text_of(own[0][0]);
  for (const auto& r : exec("select id, bbox_x, bbox_y, bbox_width, bbox_height, "
                            "lower(prompt_type::text) from bbox_annotations where image_id = " +
                            id + " order by created_at, id"))
    p.boxes.push_back({read_id<core::annotation_id>(r[0].c_str()),
                       {r[1].as<std::int32_t>(), r[2].as<std::int32_t>(), r[3].as<std::int32_t>(),
                        r[4].as<std::int32_t>()},
                       core::parse_prompt_type(r[5].c_str()).value()});
  for (const auto& r : exec("select id, point_x, point_y, is_positive from point_annotations "
                            "where image_id = " +
                            id + " order by created_at, id"))
    p.points.push_back({read_id<core::point_id>(r[0].c_str()),
                        {r[1].as<std::int32_t>(), r[2].as<std::int32_t>()},
                        r[3].as<bool>()});
  return p;
}

}  // namespace samovar::storage
