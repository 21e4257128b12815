// The durable job log alone: commits of new jobs and of finished ones, one after the other, on a
// private PostgreSQL. What a job costs the database, without HTTP, actors or devices beside it.
//
// job_log_bench [--repeats N]
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <random>
#include <stdexcept>

#include "bench/rows.hpp"
#include "core/rle.hpp"
#include "storage/database.hpp"
#include "storage/job_log.hpp"
#include "storage/repositories.hpp"

namespace {

using namespace samovar;
using steady = std::chrono::steady_clock;

core::uuid new_uuid() {
  static std::mt19937_64 random{std::random_device{}()};
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::system_clock::now().time_since_epoch());
  return core::make_uuid_v7(static_cast<std::uint64_t>(ms.count()), random(), random());
}

struct member {
  core::user_id user;
  core::image_id image;
};

class world {
 public:
  explicit world(const std::filesystem::path& folder) {
    storage::database_options o;
    o.data_dir = folder;
    db_ = storage::open_database(o);
    log_ = std::make_unique<storage::postgres_job_log>(db_.app_conninfo);
    log_->begin_epoch();
  }

  member add_member(int n) {
    core::new_user u;
    u.id = core::user_id{new_uuid()};
    u.email = "user" + std::to_string(n) + "@example.org";
    check(storage::account_repository{*db_.connections}.create_user(u).ok());
    core::image i;
    i.id = core::image_id{new_uuid()};
    i.owner = u.id;
    i.filename = "picture.png";
    i.blob_path = "users/" + core::to_string(u.id) + "/images/" + core::to_string(i.id);
    i.content_type = "image/png";
    i.byte_size = 1000;
    i.sha256 = std::string(64, 'a');
    i.width = i.height = 64;
    i.created_at = now();
    check(storage::image_repository{*db_.connections}.insert_image(u.id, i).ok());
    return {u.id, i.id};
  }

  /// Ids of the new jobs, one for each entry of `who`.
  std::vector<core::job_id> submit(const std::vector<member>& who) {
    std::vector<core::write_command> commands;
    std::vector<core::job_id> ids;
    for (const auto& m : who) {
      core::create_job c;
      c.id = core::job_id{new_uuid()};
      c.user = m.user;
      c.image_ids = {m.image};
      c.force_all = true;
      c.at = now();
      ids.push_back(c.id);
      commands.push_back(std::move(c));
    }
    commit(commands);
    return ids;
  }

  void finish(const std::vector<member>& who, const std::vector<core::job_id>& jobs) {
    std::vector<core::write_command> commands;
    for (std::size_t i = 0; i < who.size(); ++i) {
      auto r = std::make_shared<core::processing_result>();
      r->id = core::result_id{new_uuid()};
      r->job = jobs[i];
      r->image = who[i].image;
      r->user = who[i].user;
      r->detections.push_back(core::make_detection(core::rle{64, 64, {100, 200, 3796}}, 0.75));
      r->mask_blob_path = r->coco_json_blob_path = "users/" + core::to_string(r->id);
      r->model = "bench/1";
      r->processed_at = now();
      commands.push_back(core::start_job{who[i].user, jobs[i], now()});
      commands.push_back(core::record_result{who[i].user, jobs[i], std::move(r)});
    }
    commit(commands);
  }

 private:
  static core::timestamp now() {
    return std::chrono::time_point_cast<core::timestamp::duration>(
        std::chrono::system_clock::now());
  }
  static void check(bool ok) {
    if (!ok) throw std::runtime_error("a write was refused");
  }
  void commit(const std::vector<core::write_command>& commands) {
    for (const auto& o : log_->commit(commands)) check(o.ok());
  }

  storage::database db_;
  std::unique_ptr<storage::postgres_job_log> log_;
};

double us_since(steady::time_point from) {
  return std::chrono::duration<double, std::micro>(steady::now() - from).count();
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

void run(const std::filesystem::path& folder, int repeats) {
  world w(folder);
  std::vector<bench::row> rows;
  int made = 0;
  for (const auto& [users, jobs] : {std::pair{1, 1}, {1, 32}, {8, 32}}) {
    std::vector<member> members, who;
    for (int i = 0; i < users; ++i) members.push_back(w.add_member(++made));
    for (int i = 0; i < jobs; ++i) who.push_back(members[std::size_t(i % users)]);
    const auto what = std::to_string(jobs) + (jobs == 1 ? " job of " : " jobs of ") +
                      std::to_string(users) + (users == 1 ? " user" : " users");
    bench::row create{"a commit of " + what + ", each job", {}, "us", {}};
    bench::row end{"  started and finished with a result, each job", {}, "us", {}};
    for (int r = 0; r < repeats; ++r) {
      std::vector<double> creating, ending;
      for (int i = 0; i < 200; ++i) {
        const auto begun = steady::now();
        const auto ids = w.submit(who);
        creating.push_back(us_since(begun) / jobs);
        const auto stored = steady::now();
        w.finish(who, ids);
        ending.push_back(us_since(stored) / jobs);
      }
      create.values.push_back(median(creating));
      end.values.push_back(median(ending));
    }
    rows.push_back(std::move(create));
    rows.push_back(std::move(end));
  }
  bench::print(rows);
}

}  // namespace

int main(int argc, char** argv) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("job_log_bench"));  // rows go to stdout
  spdlog::set_level(spdlog::level::warn);
  auto name = (std::filesystem::temp_directory_path() / "samovar-job-log-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) return 1;
  const std::filesystem::path folder(name);
  std::filesystem::permissions(folder, std::filesystem::perms(0755));  // for PostgreSQL's account
  int status = 0;
  try {
    run(folder / "data", bench::repeats_of(argc, argv));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "job_log_bench: %s\n", e.what());
    status = 1;
  }
  std::filesystem::remove_all(folder);
  return status;
}
