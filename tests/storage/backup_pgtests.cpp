// What a backup relies on: nothing is deleted under it, and writes wait for its short pause.
#include <future>
#include <thread>

#include "cluster_fixture.hpp"
#include "storage/blob_hold.hpp"
#include "storage/sweeper.hpp"
#include "storage/write_pause.hpp"

using namespace samovar;
using namespace samovar::tests;

namespace {

std::string superuser() { return cluster().db.embedded->superuser_conninfo(); }

}  // namespace

BOOST_AUTO_TEST_SUITE(backup)

BOOST_AUTO_TEST_CASE(nothing_is_deleted_while_a_backup_holds_the_blobs) {
  temporary_folder folder;
  storage::blob_folder blobs{folder.path};
  auto& pool = *cluster().db.connections;
  storage::image_repository images{pool};
  const auto user = make_user();
  const auto image = add_image(user);
  const std::string orphan =
      "users/" + core::to_string(user) + "/images/" + core::to_string(fresh_uuid()) + ".jpg";
  for (const auto& key : {image.blob_path, orphan}) BOOST_REQUIRE(blobs.put_bytes(key, "x").ok());
  BOOST_REQUIRE(images.delete_image(user, image.id).ok());
  {
    storage::connection backup{superuser()};
    backup.exec(storage::hold_blobs_sql);
    BOOST_TEST(storage::sweep_outbox(pool, blobs) == 0u);
    const auto report = storage::sweep(pool, blobs, std::chrono::seconds(0));
    BOOST_TEST((report.outbox == 0u && report.orphans == 0u));
    BOOST_TEST((blobs.size_of(image.blob_path) && blobs.size_of(orphan)));
  }
  // Its session ended, however it ended.
  for (int i = 0; i < 100 && blobs.size_of(image.blob_path); ++i) {
    storage::sweep(pool, blobs, std::chrono::seconds(0));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  BOOST_TEST((!blobs.size_of(image.blob_path) && !blobs.size_of(orphan)));
}

BOOST_AUTO_TEST_CASE(writes_wait_for_the_pause_and_reading_goes_on) {
  const auto user = make_user();
  storage::write_pause pause{superuser()};
  BOOST_REQUIRE(pause.held());
  // Boost.Test's checks belong to the main thread.
  storage::image_repository images{*cluster().db.connections};
  const auto image = make_image(user);
  auto written =
      std::async(std::launch::async, [&] { return images.insert_image(user, image).ok(); });
  BOOST_TEST((written.wait_for(std::chrono::milliseconds(200)) == std::future_status::timeout));
  BOOST_TEST(images.list_images(user, {}).items.empty());
  BOOST_TEST(!pause.until().has_value());
  pause.end();
  BOOST_TEST(written.get());
  BOOST_TEST(images.list_images(user, {}).items.size() == 1u);
  BOOST_TEST((pause.until().has_value() && !pause.held()));
}

BOOST_AUTO_TEST_CASE(the_pause_ends_by_itself_when_it_is_due) {
  storage::write_pause pause{superuser()};
  BOOST_REQUIRE(pause.held());
  const auto from = std::chrono::steady_clock::now();
  while (pause.held()) {
    pause.end_when_due();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  BOOST_TEST((std::chrono::steady_clock::now() - from >=
              storage::write_pause::held_max - std::chrono::milliseconds(50)));
  BOOST_TEST(pause.until().has_value());
}

BOOST_AUTO_TEST_CASE(a_transaction_that_does_not_end_costs_the_pause_not_its_own_work) {
  const auto user = make_user();
  storage::connection writer{cluster().db.app_conninfo};
  pqxx::work t{writer.raw()};
  t.exec(storage::set_user_text(user));
  t.exec("update users set display_name = 'x' where id = '" + core::to_string(user) + "'");
  storage::write_pause pause{superuser()};
  BOOST_TEST(!pause.held());
  BOOST_TEST(!pause.until().has_value());
  t.commit();
}

BOOST_AUTO_TEST_SUITE_END()
