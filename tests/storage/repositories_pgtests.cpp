#include <thread>

#include "cluster_fixture.hpp"
#include "storage/admin.hpp"
#include "storage/sweeper.hpp"

using namespace samovar;
using namespace samovar::tests;
using core::error_code;

namespace {

struct repositories_fixture {
  storage::pool& pool = *cluster().db.connections;
  storage::account_repository accounts{pool};
  storage::image_repository images{pool};
  storage::annotation_repository annotations{pool};
  storage::job_repository jobs{pool};
  storage::result_repository results{pool};
  core::user_id user = make_user();

  void superuser(const std::string& sql) {
    pqxx::connection c{cluster().db.embedded->superuser_conninfo()};
    pqxx::work t{c};
    t.exec(sql);
    t.commit();
  }
  void set_quota(const std::string& assignment) {
    superuser("update users set " + assignment + " where id = '" + core::to_string(user) + "'");
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(repositories, repositories_fixture)

BOOST_AUTO_TEST_CASE(parallel_uploads_at_the_limit_admit_exactly_the_limit) {
  set_quota("max_images = 17");
  std::atomic<int> admitted{0}, refused{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 8; ++i) {
        const auto s = images.insert_image(user, make_image(user));
        if (s.ok())
          ++admitted;
        else if (s.failure().code == error_code::image_quota_reached)
          ++refused;
      }
    });
  for (auto& t : threads) t.join();
  BOOST_TEST(admitted == 17);
  BOOST_TEST(refused == 64 - 17);
  const auto u = accounts.find_user(user).value();
  BOOST_TEST(u.image_count == 17);
  BOOST_TEST(u.storage_bytes == 17'000);
}

BOOST_AUTO_TEST_CASE(storage_quota_is_exact_and_given_back) {
  set_quota("max_storage_mb = 1");
  const auto whole = make_image(user, 1'048'576);
  BOOST_TEST(images.insert_image(user, whole).ok());
  BOOST_TEST(images.insert_image(user, whole).ok());  // the same again: counted once
  const auto more = images.insert_image(user, make_image(user, 1));
  BOOST_REQUIRE(!more.ok());
  BOOST_TEST((more.failure().code == error_code::storage_quota_reached));
  BOOST_TEST(images.delete_image(user, whole.id).ok());
  BOOST_TEST(!images.delete_image(user, whole.id).ok());
  const auto u = accounts.find_user(user).value();
  BOOST_TEST(u.image_count == 0);
  BOOST_TEST(u.storage_bytes == 0);
}

BOOST_AUTO_TEST_CASE(lists_page_in_both_directions_and_search) {
  std::vector<core::image_id> made;
  for (int i = 0; i < 7; ++i) made.push_back(add_image(user).id);
  auto odd = make_image(user);
  odd.filename = "100%_KÄFfee.PNG";
  BOOST_REQUIRE(images.insert_image(user, odd).ok());
  made.push_back(odd.id);
  for (const bool oldest_first : {false, true}) {
    std::vector<core::image_id> seen;
    core::image_query q;
    q.paging.limit = 3;
    q.paging.oldest_first = oldest_first;
    for (;;) {
      const auto page = images.list_images(user, q);
      BOOST_TEST(page.total == 8);
      for (const auto& i : page.items) seen.push_back(i.id);
      if (!page.next) break;
      q.paging.after = page.next;
    }
    auto expected = made;
    if (!oldest_first) std::reverse(expected.begin(), expected.end());
    BOOST_TEST((seen == expected));
  }
  core::image_query q;
  q.search = "0%_kÄfFEE";
  BOOST_TEST(images.list_images(user, q).total == 1);
  q.search = "0%_käffee";
  BOOST_TEST(images.list_images(user, q).total == 1);
  q.search = "%";
  BOOST_TEST(images.list_images(user, q).items.size() == 1u);
  q.search = ".";
  q.paging.limit = 3;
  do {
    const auto page = images.list_images(user, q);
    BOOST_TEST(page.total == 8);
    q.paging.after = page.next;
  } while (q.paging.after);
  q.search = "'; drop table images; --";
  BOOST_TEST(images.list_images(user, q).total == 0);
  const std::vector<core::image_id> ids = {made[3], fresh<core::image_id>(), made[1], made[3]};
  const auto found = images.find_images(user, ids);
  BOOST_REQUIRE(found.size() == 2u);
  BOOST_TEST((found[0].id == made[3] && found[1].id == made[1]));
}

BOOST_AUTO_TEST_CASE(texts_are_set_and_cleared) {
  const auto i = add_image(user);
  BOOST_TEST(images.set_text_prompt(user, i.id, "a 'red' cup")->text_prompt.value() ==
             "a 'red' cup");
  BOOST_TEST(!images.set_text_prompt(user, i.id, std::nullopt)->text_prompt.has_value());
  BOOST_TEST(!images.set_text_prompt(user, fresh<core::image_id>(), "x").ok());
  BOOST_TEST(images.find_image(user, i.id)->filename == i.filename);
}

BOOST_AUTO_TEST_CASE(annotations_keep_the_geometry_rules) {
  const auto i = add_image(user);
  const auto a = add_box(user, i.id);
  auto bad = a;
  bad.prompt.id = fresh<core::annotation_id>();
  bad.prompt.area = {90, 0, 11, 5};
  const auto refused = annotations.add_box(user, bad);
  BOOST_REQUIRE(!refused.ok());
  BOOST_TEST(refused.failure().detail == "Bounding box exceeds image width");
  bad.image = fresh<core::image_id>();
  BOOST_TEST(annotations.add_box(user, bad).failure().detail == "Image not found");
  auto moved = annotations.change_box(user, a.prompt.id, [](auto& b) { b.area.x = 5; });
  BOOST_TEST((moved.ok() && moved->prompt.area.x == 5));
  BOOST_TEST(!annotations.change_box(user, a.prompt.id, [](auto& b) { b.area.x = 99; }).ok());
  const auto list = annotations.list_boxes(user, i.id, core::prompt_type::segment, {});
  BOOST_REQUIRE(list.ok());
  BOOST_TEST((list->total == 1 && list->items[0].prompt.area.x == 5));
  BOOST_TEST(annotations.list_boxes(user, i.id, core::prompt_type::positive_exemplar, {})->total ==
             0);
  BOOST_TEST(annotations.delete_box(user, a.prompt.id).ok());
  BOOST_TEST(annotations.delete_box(user, a.prompt.id).failure().detail == "Annotation not found");
  core::point_annotation p;
  p.prompt.id = fresh<core::point_id>();
  p.prompt.at = {100, 0};
  p.image = i.id;
  p.created_at = next_time();
  BOOST_TEST(!annotations.add_point(user, p).ok());
  p.prompt.at = {99, 79};
  BOOST_TEST(annotations.add_point(user, p).ok());
  BOOST_TEST(annotations.list_points(user, i.id, {})->items.size() == 1u);
  BOOST_TEST(annotations.delete_point(user, p.prompt.id).ok());
  BOOST_TEST(annotations.delete_point(user, p.prompt.id).failure().detail ==
             "Point annotation not found");
}

BOOST_AUTO_TEST_CASE(accounts_keys_and_sessions) {
  core::new_user twin;
  twin.id = fresh<core::user_id>();
  twin.email = core::to_string(user) + "@EXAMPLE.org";
  BOOST_TEST((accounts.create_user(twin).failure().code == error_code::email_taken));
  BOOST_TEST((accounts.create_first_admin(twin).failure().code == error_code::conflict));
  core::api_key key;
  key.id = fresh<core::api_key_id>();
  key.owner = user;
  key.name = "laptop";
  key.read_only = true;
  key.created_at = next_time();
  const std::string secret(32, '\xfe');
  BOOST_TEST(accounts.create_api_key(key, secret).ok());
  auto who = accounts.find_by_api_key(secret);
  BOOST_REQUIRE(who.has_value());
  BOOST_TEST((who->id == user && who->read_only && who->via_key == key.id));
  accounts.touch_api_key(key.id);
  BOOST_TEST(accounts.list_api_keys(user).at(0).last_used_at.has_value());
  BOOST_TEST(!accounts.delete_api_key(make_user(), key.id).ok());
  core::web_session s;
  s.id = fresh<core::web_session_id>();
  s.owner = user;
  s.csrf_token = "csrf";
  s.created_at = s.last_seen_at =
      std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
  s.expires_at = s.created_at + std::chrono::hours(1);
  const std::string token(32, 't');
  BOOST_TEST(accounts.create_web_session(s, token).ok());
  BOOST_TEST(accounts.find_by_web_session(token)->csrf_token == "csrf");
  BOOST_TEST(accounts.set_password_hash(user, "hash", s.id).ok());
  BOOST_TEST(accounts.find_by_web_session(token).has_value());
  BOOST_TEST(accounts.set_password_hash(user, "hash2", std::nullopt).ok());
  BOOST_TEST(!accounts.find_by_web_session(token).has_value());
  BOOST_TEST(accounts.find_login(twin.email)->password_hash.value() == "hash2");
  BOOST_TEST(accounts.set_disabled(user, true).ok());
  BOOST_TEST(!accounts.find_by_api_key(secret).has_value());
  BOOST_TEST(accounts.find_login(twin.email)->disabled);
  BOOST_TEST(accounts.set_disabled(user, false).ok());
  BOOST_TEST(accounts.delete_api_key(user, key.id).ok());
  BOOST_TEST(accounts.list_users().size() == static_cast<std::size_t>(accounts.count_users()));
  BOOST_TEST(!accounts.set_disabled(fresh<core::user_id>(), true).ok());
}

BOOST_AUTO_TEST_CASE(admins_change_users) {
  core::user_changes c;
  c.rights = core::role::admin;
  c.max_images = 3;
  c.share_weight = 0.5;
  const auto u = accounts.change_user(user, c);
  BOOST_REQUIRE(u.ok());
  BOOST_TEST((u->rights == core::role::admin && u->max_images == 3 && u->share_weight == 0.5));
  BOOST_TEST((u->max_storage_mb == 5000 && u->display_name == "somebody" && !u->disabled_at));
  BOOST_TEST(!accounts.change_user(fresh<core::user_id>(), c).ok());
  pqxx::connection app{cluster().db.app_conninfo};
  for (const char* sql : {"update users set max_images = 9", "update users set role = 'admin'",
                          "delete from users"}) {
    pqxx::work t{app};
    t.exec("select set_config('app.current_user_id', '" + core::to_string(user) + "', true)");
    BOOST_CHECK_THROW(t.exec(sql), pqxx::sql_error);
  }
}

BOOST_AUTO_TEST_CASE(a_deleted_user_leaves_only_blobs_to_delete) {
  storage::postgres_job_log log{cluster().db.app_conninfo};
  log.begin_epoch();
  const auto i = add_image(user);
  add_box(user, i.id);
  const auto job = job_for(user, {i.id});
  BOOST_REQUIRE(commit_one(log, job).ok());
  BOOST_TEST(accounts.delete_user(user).ok());
  BOOST_TEST(!accounts.delete_user(user).ok());
  BOOST_TEST(!accounts.find_user(user).has_value());
  BOOST_TEST(!jobs.find_job(user, job.id).has_value());
  BOOST_TEST(!images.find_image(user, i.id).has_value());
  pqxx::connection super{cluster().db.embedded->superuser_conninfo()};
  pqxx::work t{super};
  BOOST_TEST(t.exec("select count(*) from blob_deletions where user_id = '" +
                    core::to_string(user) + "'")[0][0]
                 .as<int>() == 6);  // the original and five thumbnails
}

BOOST_AUTO_TEST_CASE(deleted_and_orphaned_blobs_are_swept) {
  temporary_folder folder;
  storage::blob_folder blobs{folder.path};
  const auto kept = add_image(user), gone = add_image(user);
  const auto orphan =
      "users/" + core::to_string(user) + "/images/" + core::to_string(fresh_uuid()) + ".jpg";
  const auto fresh_orphan =
      "users/" + core::to_string(user) + "/images/" + core::to_string(fresh_uuid()) + ".jpg";
  for (const auto& key : {kept.blob_path, gone.blob_path, orphan, fresh_orphan})
    BOOST_REQUIRE(blobs.put_bytes(key, "x").ok());
  for (const auto& key : {kept.blob_path, gone.blob_path, orphan})
    fs::last_write_time(folder.path / key,
                        fs::file_time_type::clock::now() - std::chrono::hours(3));
  BOOST_REQUIRE(images.delete_image(user, gone.id).ok());
  storage::sweep_outbox(pool, blobs);
  BOOST_TEST(!blobs.size_of(gone.blob_path).has_value());
  const auto report = storage::sweep(pool, blobs);
  BOOST_TEST(report.orphans == 1u);
  BOOST_TEST(blobs.size_of(kept.blob_path).has_value());
  BOOST_TEST(blobs.size_of(fresh_orphan).has_value());
  BOOST_TEST(!blobs.size_of(orphan).has_value());
}

BOOST_AUTO_TEST_CASE(admin_works_beside_a_running_server) {
  storage::database_options o;
  o.data_dir = cluster().folder.path;
  storage::admin admin{o};
  storage::sodium_secrets secrets;
  const auto made =
      admin.add_user(secrets, " Anna@Example.org ", "long enough", core::role::admin, next_time());
  BOOST_REQUIRE(made.ok());
  BOOST_TEST(made->email == "anna@example.org");
  BOOST_TEST((made->rights == core::role::admin));
  BOOST_TEST(
      !admin.add_user(secrets, "anna@example.org", "long enough", core::role::user, next_time())
           .ok());
  BOOST_TEST(
      !admin.add_user(secrets, "b@example.org", "short", core::role::user, next_time()).ok());
  BOOST_TEST(admin.set_password(secrets, "anna@example.org", "another one").ok());
  BOOST_TEST(secrets.verify_password(accounts.find_login("anna@example.org")->password_hash.value(),
                                     "another one"));
  BOOST_TEST(admin.set_disabled("anna@example.org", true).ok());
  BOOST_TEST(!admin.set_disabled("nobody@example.org", true).ok());
}

BOOST_AUTO_TEST_CASE(a_full_pool_is_unavailable_after_a_bounded_wait) {
  storage::pool small{cluster().db.app_conninfo, 1, std::chrono::milliseconds(50)};
  auto held = small.take();
  BOOST_CHECK_THROW(small.take(), core::store_unavailable);
  BOOST_TEST(!small.answers());
}

BOOST_AUTO_TEST_SUITE_END()
