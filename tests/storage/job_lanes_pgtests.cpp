// Large batches of several users: two transactions side by side, and yet the outcomes of one by
// one.
#include <atomic>

#include "cluster_fixture.hpp"

using namespace samovar;
using namespace samovar::tests;
using core::error_code;

namespace {

struct crowd {
  storage::postgres_job_log log{cluster().db.app_conninfo};
  storage::job_repository jobs{*cluster().db.connections};
  struct person {
    core::user_id user = make_user();
    core::image_id image = add_image(user).id;
  };
  static constexpr std::size_t jobs_each = 20;
  std::vector<person> people = std::vector<person>(8);
  crowd() { log.begin_epoch(); }

  core::create_job job_of(const person& p) {
    auto c = job_for(p.user, {p.image});
    c.force_all = true;
    return c;
  }
  /// Jobs of each, enough to be split; those of one person not in a row.
  std::vector<core::write_command> many_jobs() {
    std::vector<core::write_command> out;
    for (std::size_t round = 0; round < jobs_each; ++round)
      for (const auto& p : people) out.push_back(job_of(p));
    return out;
  }
  std::size_t stored(const person& p) {
    return jobs.list_jobs(p.user, std::nullopt, {}).items.size();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(job_lanes, crowd)

BOOST_AUTO_TEST_CASE(every_command_has_its_own_outcome) {
  const auto batch = many_jobs();
  const auto out = log.commit(batch);
  BOOST_REQUIRE(out.size() == batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    BOOST_REQUIRE(out[i].ok());
    BOOST_TEST((out[i]->record.id == std::get<core::create_job>(batch[i]).id));
  }
  // The jobs' whole lives in one batch: each user's order is kept.
  std::vector<core::write_command> next;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto& p = people[i % people.size()];
    const auto id = out[i]->record.id;
    next.emplace_back(core::start_job{p.user, id, next_time()});
    next.emplace_back(core::record_result{p.user, id, result_for(p.user, id, p.image)});
  }
  const auto ends = log.commit(next);
  for (std::size_t i = 0; i < next.size(); ++i) {
    BOOST_REQUIRE(ends[i].ok());
    BOOST_TEST(ends[i]->record.version == static_cast<std::int64_t>(2 + i % 2));
  }
  for (const auto& p : people) BOOST_TEST(stored(p) == jobs_each);
}

BOOST_AUTO_TEST_CASE(a_bad_command_fails_alone) {
  auto batch = many_jobs();
  std::get<core::create_job>(batch[10]).idempotency_key = std::string("not \xff utf-8");
  const auto out = log.commit(batch);
  for (std::size_t i = 0; i < out.size(); ++i) BOOST_TEST(out[i].ok() == (i != 10));
  BOOST_TEST((out[10].failure().code == error_code::internal));
}

// A commit in doubt: one half may be stored, and the whole batch is given again.
BOOST_AUTO_TEST_CASE(given_again_nothing_is_doubled) {
  const auto batch = many_jobs();
  std::vector<core::write_command> half;
  for (std::size_t i = 0; i < batch.size(); i += people.size()) half.push_back(batch[i]);
  for (const auto& o : log.commit(half)) BOOST_TEST(o.ok());
  for (int again = 0; again < 2; ++again)
    for (const auto& o : log.commit(batch)) {
      BOOST_REQUIRE(o.ok());
      BOOST_TEST(!o->existed);
      BOOST_TEST(!o->duplicate);
      BOOST_TEST(o->inputs != nullptr);
    }
  for (const auto& p : people) BOOST_TEST(stored(p) == jobs_each);
}

BOOST_AUTO_TEST_CASE(when_one_half_cannot_be_stored_all_are_given_again) {
  const auto batch = many_jobs();
  log.before_commit([first = std::make_shared<std::atomic<bool>>(true)](std::size_t) {
    if (first->exchange(false)) throw core::store_unavailable("injected");
  });
  BOOST_CHECK_THROW(log.commit(batch), core::store_unavailable);
  log.before_commit({});
  for (const auto& o : log.commit(batch)) BOOST_TEST(o.ok());
  for (const auto& p : people) BOOST_TEST(stored(p) == jobs_each);
}

// What PostgreSQL would end the connection for is the command's fault, or it would be tried for
// ever and hold up all others.
BOOST_AUTO_TEST_CASE(a_command_of_too_many_bytes_fails_alone) {
  const auto& [user, image] = people[0];
  auto job = job_of(people[0]);
  job.image_ids.push_back(add_image(user).id);
  BOOST_REQUIRE(commit_one(log, job).ok());
  BOOST_REQUIRE(commit_one(log, core::start_job{user, job.id, next_time()}).ok());
  auto large = std::make_shared<core::processing_result>(*result_for(user, job.id, image));
  large->model = std::string(300'000, 'm');
  const std::vector<core::write_command> batch = {
      core::record_result{user, job.id, large},
      core::record_result{user, job.id, result_for(user, job.id, job.image_ids[1])}};
  log.limit_bytes(200'000);
  const auto out = log.commit(batch);
  BOOST_TEST((!out[0].ok() && out[0].failure().code == error_code::internal));
  BOOST_TEST(out[1].ok());
  BOOST_TEST(jobs.find_job(user, job.id)->current_index == 1);
}

BOOST_AUTO_TEST_SUITE_END()
