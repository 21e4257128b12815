// One private cluster for all tests of the program, and helpers to fill it.
#pragma once

#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <filesystem>

#include "storage/database.hpp"
#include "storage/job_log.hpp"
#include "storage/repositories.hpp"
#include "storage/secrets_sodium.hpp"

namespace samovar::tests {

namespace fs = std::filesystem;

/// A folder that PostgreSQL's account can reach and that goes away with the object.
struct temporary_folder {
  fs::path path;
  temporary_folder() {
    static std::atomic<int> counter{0};
    path = fs::temp_directory_path() /
           ("samovar-test-" + std::to_string(::getpid()) + "-" + std::to_string(++counter));
  }
  ~temporary_folder() {
    std::error_code ec;
    fs::remove_all(path, ec);
  }
};

struct shared_cluster {
  temporary_folder folder;
  storage::database db;
  shared_cluster() {
    storage::database_options o;
    o.data_dir = folder.path;
    db = storage::open_database(o);
  }
};

/// Started by the first test that needs it, stopped at the program's end.
inline shared_cluster& cluster() {
  static shared_cluster c;
  return c;
}

inline core::uuid fresh_uuid() {
  static std::atomic<std::uint64_t> counter{1};
  const auto n = counter++;
  return core::make_uuid_v7(1'700'000'000'000ULL + n, n * 0x9E3779B97F4A7C15ULL,
                            static_cast<std::uint64_t>(::getpid()) * 0xBF58476D1CE4E5B9ULL + n);
}
template <class Id>
Id fresh() {
  return Id{fresh_uuid()};
}

/// Rising by one microsecond each call.
inline core::timestamp next_time() {
  static std::atomic<std::int64_t> us{1'790'000'000'000'000};
  return core::timestamp{std::chrono::microseconds{++us}};
}

inline core::user_id make_user() {
  storage::account_repository accounts{*cluster().db.connections};
  core::new_user u;
  u.id = fresh<core::user_id>();
  u.email = core::to_string(u.id) + "@example.org";
  u.display_name = "somebody";
  BOOST_REQUIRE(accounts.create_user(u).ok());
  return u.id;
}

inline core::image make_image(core::user_id user, std::int64_t bytes = 1000) {
  core::image i;
  i.id = fresh<core::image_id>();
  i.owner = user;
  i.filename = "photo \"é\" {1},\\.jpg";
  i.blob_path = "users/" + core::to_string(user) + "/images/" + core::to_string(i.id) + ".jpg";
  i.content_type = "image/jpeg";
  i.byte_size = bytes;
  i.sha256 = std::string(64, 'a');
  i.width = 100;
  i.height = 80;
  i.created_at = next_time();
  return i;
}

inline core::image add_image(core::user_id user) {
  storage::image_repository images{*cluster().db.connections};
  auto i = make_image(user);
  BOOST_REQUIRE(images.insert_image(user, i).ok());
  return i;
}

inline core::bbox_annotation add_box(core::user_id user, core::image_id image) {
  storage::annotation_repository annotations{*cluster().db.connections};
  core::bbox_annotation a;
  a.prompt.id = fresh<core::annotation_id>();
  a.prompt.area = {1, 2, 30, 40};
  a.image = image;
  a.created_at = next_time();
  BOOST_REQUIRE(annotations.add_box(user, a).ok());
  return a;
}

inline core::create_job job_for(core::user_id user, std::vector<core::image_id> images) {
  core::create_job c;
  c.id = fresh<core::job_id>();
  c.user = user;
  c.image_ids = std::move(images);
  c.at = next_time();
  return c;
}

inline std::shared_ptr<const core::processing_result> result_for(core::user_id user,
                                                                 core::job_id job,
                                                                 core::image_id image) {
  auto r = std::make_shared<core::processing_result>();
  r->id = fresh<core::result_id>();
  r->job = job;
  r->image = image;
  r->user = user;
  core::rle mask{4, 5, {3, 4, 13}};
  r->detections.push_back(core::make_detection(mask, 0.75));
  r->mask_blob_path =
      "users/" + core::to_string(user) + "/masks/" + core::to_string(r->id) + ".png";
  r->coco_json_blob_path =
      "users/" + core::to_string(user) + "/coco/" + core::to_string(r->id) + ".json";
  r->model = "test/1";
  r->device_ms = 1.5;
  r->processed_at = next_time();
  return r;
}

inline core::write_outcome commit_one(core::job_log& log, core::write_command c) {
  return log.commit({&c, 1})[0];
}

}  // namespace samovar::tests
