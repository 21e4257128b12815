// Layer 2 alone: raw SQL as samovar_app. The tables come from pg_catalog, so that a new table
// without cover fails.
#include <functional>
#include <map>
#include <pqxx/pqxx>

#include "cluster_fixture.hpp"
#include "storage/links.hpp"

using namespace samovar;
using namespace samovar::tests;

namespace {

std::string quoted(const core::uuid& id) { return "'" + core::to_string(id) + "'"; }

/// A user with one row in every table.
struct furnished_user {
  core::user_id id = make_user();
  core::image_id image;
  core::job_id job;

  furnished_user() {
    storage::postgres_job_log log{cluster().db.app_conninfo};
    log.begin_epoch();
    image = add_image(id).id;
    add_box(id, image);
    const auto second = add_image(id).id;
    storage::annotation_repository annotations{*cluster().db.connections};
    core::point_annotation p;
    p.prompt.id = fresh<core::point_id>();
    p.image = image;
    p.created_at = next_time();
    BOOST_REQUIRE(annotations.add_point(id, p).ok());
    auto c = job_for(id, {image, second});
    c.force_all = true;
    job = c.id;
    const std::vector<core::write_command> batch = {
        c, core::record_result{id, job, result_for(id, job, image)},
        core::record_failure{id, job, second, 1, "broken", next_time()}};
    for (const auto& o : log.commit(batch)) BOOST_REQUIRE(o.ok());
    storage::account_repository accounts{*cluster().db.connections};
    core::api_key k;
    k.id = fresh<core::api_key_id>();
    k.owner = id;
    k.created_at = next_time();
    BOOST_REQUIRE(accounts.create_api_key(k, core::to_string(k.id).substr(0, 32)).ok());
    core::web_session s;
    s.id = fresh<core::web_session_id>();
    s.owner = id;
    s.expires_at = core::timestamp{std::chrono::hours(24 * 365 * 100)};
    BOOST_REQUIRE(accounts.create_web_session(s, core::to_string(s.id).substr(0, 32)).ok());
    storage::link_repository links{*cluster().db.connections};
    const auto link = fresh_uuid();
    BOOST_REQUIRE(links
                      .issue({link, id, core::link_kind::reset, s.expires_at},
                             core::to_string(link).substr(0, 32), {})
                      .ok());
    as(core::to_string(id), "insert into oidc_identities (issuer, subject, user_id) values ('i', " +
                                quoted(id.value) + ", " + quoted(id.value) + ")");
    as(core::to_string(id),
       "insert into blob_deletions (user_id, blob_path) values (" + quoted(id.value) + ", 'x')");
    as(core::to_string(id),
       "insert into imports (user_id, source) values (" + quoted(id.value) + ", 's')");
    as(core::to_string(id),
       "insert into import_skips (user_id, source, kind, row_id, reason) values (" +
           quoted(id.value) + ", 's', 'images', gen_random_uuid(), 'r')");
  }

  /// Runs SQL as samovar_app with the setting; throws what the database says.
  static pqxx::result as(const std::optional<std::string>& setting, const std::string& sql) {
    pqxx::connection c{cluster().db.app_conninfo};
    pqxx::work t{c};
    if (setting)
      t.exec("select set_config('app.current_user_id', " + t.quote(*setting) + ", true)");
    auto r = t.exec(sql);
    t.commit();
    return r;
  }
};

struct two_users {
  furnished_user a, b;
  pqxx::connection super{cluster().db.embedded->superuser_conninfo()};

  pqxx::result as_superuser(const std::string& sql) {
    pqxx::work t{super};
    auto r = t.exec(sql);
    t.commit();
    return r;
  }
  std::vector<std::string> tables() {
    std::vector<std::string> names;
    for (const auto& row : as_superuser("select relname from pg_class where relkind in ('r', 'p') "
                                        "and relnamespace = 'public'::regnamespace order by 1"))
      names.push_back(row[0].c_str());
    return names;
  }
  // Tables without rows of a user, and write-only ones.
  static bool is_bookkeeping(const std::string& t) { return t == "schema_migrations"; }
  static bool is_write_only(const std::string& t) {
    return t == "blob_deletions" || t == "audit_log";
  }
  static std::string owner_column(const std::string& t) { return t == "users" ? "id" : "user_id"; }
};

const std::vector<std::optional<std::string>> strangers = {
    std::nullopt, "", "garbage", "' or true --", "00000000-0000-0000-0000-000000000000"};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(isolation, two_users)

BOOST_AUTO_TEST_CASE(every_table_has_forced_row_security_and_samovar_owner) {
  for (const auto& row :
       as_superuser("select relname, relrowsecurity, relforcerowsecurity, "
                    "pg_get_userbyid(relowner) from pg_class where relkind in ('r', 'p') "
                    "and relnamespace = 'public'::regnamespace")) {
    BOOST_TEST_CONTEXT(row[0].c_str()) {
      BOOST_TEST(row[1].as<bool>());
      BOOST_TEST(row[2].as<bool>());
      BOOST_TEST(row[3].c_str() == std::string{"samovar_owner"});
    }
  }
}

BOOST_AUTO_TEST_CASE(roles_have_no_way_around) {
  const auto rows = as_superuser(
      "select rolname from pg_roles where rolname like 'samovar_%' "
      "and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb)");
  BOOST_TEST(rows.empty());
  BOOST_CHECK_THROW(furnished_user::as(std::nullopt, "create table mine (x integer)"),
                    pqxx::sql_error);
  BOOST_CHECK_THROW(furnished_user::as(std::nullopt, "set role samovar_owner"), pqxx::sql_error);
  BOOST_CHECK_THROW(furnished_user::as(std::nullopt, "set role samovar_definer"), pqxx::sql_error);
  for (const char* column :
       {"role = 'admin'", "max_images = 9", "max_storage_mb = 9", "share_weight = 9",
        "max_concurrent_jobs = 9", "admin_by_group = true"})
    BOOST_CHECK_THROW(
        furnished_user::as(core::to_string(a.id), std::string{"update users set "} + column),
        pqxx::sql_error);
}

BOOST_AUTO_TEST_CASE(rows_are_seen_by_their_user_only) {
  for (const auto& t : tables()) {
    if (is_bookkeeping(t)) continue;
    BOOST_TEST_CONTEXT(t) {
      const auto count_of_a =
          "select count(*) from " + t + " where " + owner_column(t) + " = " + quoted(a.id.value);
      BOOST_TEST(as_superuser(count_of_a)[0][0].as<int>() > 0);  // the test has something to find
      if (is_write_only(t)) {
        BOOST_CHECK_THROW(furnished_user::as(core::to_string(a.id), count_of_a), pqxx::sql_error);
        continue;
      }
      BOOST_TEST(furnished_user::as(core::to_string(a.id), count_of_a)[0][0].as<int>() > 0);
      BOOST_TEST(furnished_user::as(core::to_string(b.id), count_of_a)[0][0].as<int>() == 0);
      for (const auto& setting : strangers)
        BOOST_TEST(furnished_user::as(setting, "select count(*) from " + t)[0][0].as<int>() == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(rows_cannot_be_written_for_another) {
  const auto owner = quoted(a.id.value), image = quoted(a.image.value), job = quoted(a.job.value);
  const std::map<std::string, std::string> inserts = {
      {"users", "insert into users (id, email) values (gen_random_uuid(), 'x@example.org')"},
      {"images",
       "insert into images (id, user_id, filename, blob_path, content_type, byte_size, sha256, "
       "width, height) values (gen_random_uuid(), " +
           owner + ", 'f', 'p', 't', 1, 's', 1, 1)"},
      {"bbox_annotations",
       "insert into bbox_annotations (id, image_id, user_id, bbox_x, bbox_y, bbox_width, "
       "bbox_height, prompt_type) values (gen_random_uuid(), " +
           image + ", " + owner + ", 0, 0, 1, 1, 'segment')"},
      {"point_annotations",
       "insert into point_annotations (id, image_id, user_id, point_x, point_y) values "
       "(gen_random_uuid(), " +
           image + ", " + owner + ", 0, 0)"},
      {"processing_jobs",
       "insert into processing_jobs (id, user_id, mode, image_ids, image_filenames, "
       "annotations_snapshot) values (gen_random_uuid(), " +
           owner + ", 'point', array[" + image + "::uuid], array['f'], '{}')"},
      {"processing_results",
       "insert into processing_results (id, job_id, image_id, user_id, mode, detections, "
       "mask_blob_path, coco_json_blob_path) values (gen_random_uuid(), " +
           job + ", " + image + ", " + owner + ", 'point', '[]', 'm', 'c')"},
      {"job_image_failures",
       "insert into job_image_failures (job_id, image_id, user_id, error) values (" + job +
           ", gen_random_uuid(), " + owner + ", 'e')"},
      {"api_keys",
       "insert into api_keys (id, user_id, name, prefix, secret_sha256) values "
       "(gen_random_uuid(), " +
           owner + ", 'n', 'p', sha256('x'))"},
      {"web_sessions",
       "insert into web_sessions (id, user_id, token_sha256, csrf_token, expires_at) values "
       "(gen_random_uuid(), " +
           owner + ", sha256('x'), 'c', now())"},
      {"account_links",
       "insert into account_links (id, user_id, kind, token_sha256, expires_at) values "
       "(gen_random_uuid(), " +
           owner + ", 'reset', sha256('x'), now())"},
      {"oidc_identities",
       "insert into oidc_identities (issuer, subject, user_id) values ('j', 's', " + owner + ")"},
      {"blob_deletions",
       "insert into blob_deletions (user_id, blob_path) values (" + owner + ", 'p')"},
      {"imports", "insert into imports (user_id, source) values (" + owner + ", 't')"},
      {"import_skips", "insert into import_skips (user_id, source, kind, row_id, reason) values (" +
                           owner + ", 's', 'jobs', gen_random_uuid(), 'r')"},
      {"audit_log", "insert into audit_log (user_id, action) values (" + owner + ", 'x')"},
      {"schema_migrations",
       "insert into schema_migrations (version, name, checksum) values (999, 'x', 'x')"},
  };
  auto settings = strangers;
  settings.push_back(core::to_string(b.id));
  for (const auto& t : tables()) {
    BOOST_TEST_CONTEXT(t) {
      BOOST_REQUIRE(inserts.contains(t));
      for (const auto& setting : settings)
        BOOST_CHECK_THROW(furnished_user::as(setting, inserts.at(t)), pqxx::sql_error);
    }
  }
}

BOOST_AUTO_TEST_CASE(rows_of_another_cannot_be_changed_deleted_or_moved) {
  auto settings = strangers;
  settings.push_back(core::to_string(b.id));
  const auto writable = as_superuser(
      "select c.relname, min(a.attname) from pg_class c join pg_attribute a on a.attrelid = c.oid "
      "and a.attnum > 0 and has_column_privilege('samovar_app', c.oid, a.attnum, 'UPDATE') "
      "where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace group by 1");
  BOOST_TEST(writable.size() >= 5u);
  for (const auto& row : writable) {
    const std::string t = row[0].c_str(), column = row[1].c_str();
    BOOST_TEST_CONTEXT(t) {
      const auto update = "update " + t + " set " + column + " = " + column + " where " +
                          owner_column(t) + " = " + quoted(a.id.value);
      for (const auto& setting : settings)
        BOOST_TEST(furnished_user::as(setting, update).affected_rows() == 0u);
      BOOST_TEST(furnished_user::as(core::to_string(a.id), update).affected_rows() > 0u);
    }
  }
  const auto deletable = as_superuser(
      "select relname from pg_class c where c.relkind = 'r' "
      "and c.relnamespace = 'public'::regnamespace "
      "and has_table_privilege('samovar_app', c.oid, 'DELETE')");
  for (const auto& row : deletable) {
    const std::string t = row[0].c_str();
    for (const auto& setting : settings)
      BOOST_TEST(furnished_user::as(setting, "delete from " + t + " where " + owner_column(t) +
                                                 " = " + quoted(a.id.value))
                     .affected_rows() == 0u);
  }
  // Moving a row from A to B: the column may not even be named, anywhere.
  for (const auto& t : tables()) {
    if (is_bookkeeping(t)) continue;
    BOOST_CHECK_THROW(
        furnished_user::as(core::to_string(a.id), "update " + t + " set " + owner_column(t) +
                                                      " = " + quoted(b.id.value) + " where " +
                                                      owner_column(t) + " = " + quoted(a.id.value)),
        pqxx::sql_error);
  }
}

BOOST_AUTO_TEST_CASE(moving_is_refused_by_the_policy_too) {
  // With the grant given for one transaction only, WITH CHECK alone must hold.
  for (const char* t : {"images", "bbox_annotations", "processing_jobs", "api_keys"}) {
    pqxx::work w{super};
    w.exec(std::string{"grant update on "} + t + " to samovar_app");
    w.exec("set local role samovar_app");
    w.exec("select set_config('app.current_user_id', '" + core::to_string(a.id) + "', true)");
    BOOST_CHECK_THROW(w.exec(std::string{"update "} + t + " set user_id = " + quoted(b.id.value) +
                             " where user_id = " + quoted(a.id.value)),
                      pqxx::sql_error);
  }
}

BOOST_AUTO_TEST_CASE(own_rows_cannot_name_anothers_image_or_job) {
  const auto me = core::to_string(b.id), owner = quoted(b.id.value);
  const auto image = quoted(a.image.value), job = quoted(a.job.value);
  for (const std::string& sql :
       {"insert into bbox_annotations (id, image_id, user_id, bbox_x, bbox_y, bbox_width, "
        "bbox_height, prompt_type) values (gen_random_uuid(), " +
            image + ", " + owner + ", 0, 0, 1, 1, 'segment')",
        "insert into point_annotations (id, image_id, user_id, point_x, point_y) values "
        "(gen_random_uuid(), " +
            image + ", " + owner + ", 0, 0)",
        "insert into processing_jobs (id, user_id, mode, image_ids, image_filenames, "
        "annotations_snapshot) values (gen_random_uuid(), " +
            owner + ", 'point', array[" + quoted(b.image.value) + "::uuid, " + image +
            "::uuid], array['f', 'g'], '{}')",
        "insert into processing_results (id, job_id, image_id, user_id, mode, detections, "
        "mask_blob_path, coco_json_blob_path) values (gen_random_uuid(), " +
            job + ", " + quoted(b.image.value) + ", " + owner + ", 'point', '[]', 'm', 'c')",
        "insert into job_image_failures (job_id, image_id, user_id, error) values (" + job +
            ", gen_random_uuid(), " + owner + ", 'e')"})
    BOOST_CHECK_THROW(furnished_user::as(me, sql), pqxx::sql_error);
}

BOOST_AUTO_TEST_CASE(an_imported_job_may_name_deleted_images_but_never_anothers) {
  const auto call = [&](const std::string& image) {
    return "select definer_import_job(gen_random_uuid(), 'point', 'completed', array[" + image +
           "::uuid], array['f'], 1, 0, '{}', null, now(), null, null)";
  };
  const auto me = core::to_string(b.id);
  BOOST_TEST(furnished_user::as(me, call("gen_random_uuid()"))[0][0].as<bool>());
  BOOST_TEST(furnished_user::as(me, call(quoted(b.image.value)))[0][0].as<bool>());
  BOOST_CHECK_THROW(furnished_user::as(me, call(quoted(a.image.value))), pqxx::sql_error);
  for (const auto& setting : strangers)
    BOOST_CHECK_THROW(furnished_user::as(setting, call("gen_random_uuid()")), pqxx::sql_error);
}

BOOST_AUTO_TEST_CASE(the_setting_does_not_outlive_its_transaction) {
  pqxx::connection c{cluster().db.app_conninfo};
  {
    pqxx::work t{c};
    t.exec("select set_config('app.current_user_id', '" + core::to_string(a.id) + "', true)");
    BOOST_TEST(t.exec("select count(*) from images")[0][0].as<int>() > 0);
    t.commit();
  }
  pqxx::work t{c};
  BOOST_TEST(t.exec("select count(*) from images")[0][0].as<int>() == 0);
}

BOOST_AUTO_TEST_CASE(the_repositories_keep_users_apart) {
  auto& pool = *cluster().db.connections;
  storage::image_repository images{pool};
  storage::job_repository jobs{pool};
  storage::result_repository results{pool};
  storage::annotation_repository annotations{pool};
  BOOST_TEST(!images.find_image(b.id, a.image).has_value());
  BOOST_TEST(!jobs.find_job(b.id, a.job).has_value());
  BOOST_TEST(!jobs.list_job_images(b.id, a.job, {}).ok());
  BOOST_TEST(jobs.failed_images(b.id, a.job).empty());
  BOOST_TEST(results.newest_results(b.id, {{a.image}}, core::segmentation_mode::inside_box)
                 .results.empty());
  BOOST_TEST(!annotations.list_boxes(b.id, a.image, {}, {}).ok());
  BOOST_TEST(!images.delete_image(b.id, a.image).ok());
  BOOST_TEST(results.list_results(b.id, a.image, {}).items.empty());
  BOOST_TEST(images.list_images(b.id, {}).total == 2);
}

BOOST_AUTO_TEST_SUITE_END()
