#include <thread>

#include "cluster_fixture.hpp"

using namespace samovar;
using namespace samovar::tests;
using core::error_code;

namespace {

struct log_fixture {
  storage::postgres_job_log log{cluster().db.app_conninfo};
  storage::job_repository jobs{*cluster().db.connections};
  storage::image_repository images{*cluster().db.connections};
  storage::result_repository results{*cluster().db.connections};
  core::user_id user = make_user();
  log_fixture() { log.begin_epoch(); }

  core::job_written created(core::create_job c) {
    auto o = commit_one(log, std::move(c));
    BOOST_REQUIRE_MESSAGE(o.ok(), (o.ok() ? "" : o.failure().detail));
    return *o;
  }
  core::image_id prompted_image() {
    const auto id = add_image(user).id;
    add_box(user, id);
    return id;
  }
  core::job stored(core::job_id id) { return jobs.find_job(user, id).value(); }
};

void check_error(const core::write_outcome& o, error_code code, const std::string& sentence) {
  BOOST_REQUIRE(!o.ok());
  BOOST_TEST(static_cast<int>(o.failure().code) == static_cast<int>(code));
  BOOST_TEST(o.failure().detail == sentence);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(job_log, log_fixture)

BOOST_AUTO_TEST_CASE(creating_drops_unknown_and_duplicate_images_and_keeps_order) {
  const auto a = prompted_image(), b = prompted_image();
  const auto stranger = add_image(make_user()).id;
  const auto w = created(job_for(user, {b, fresh<core::image_id>(), a, b, stranger}));
  BOOST_TEST((w.record.image_ids == std::vector<core::image_id>{b, a}));
  BOOST_TEST(w.record.image_filenames.size() == 2u);
  BOOST_TEST(w.record.version == 1);
  BOOST_TEST(w.max_concurrent_jobs == 1);
  BOOST_TEST(w.share_weight == 1.0);
  BOOST_REQUIRE(w.inputs);
  BOOST_TEST(w.inputs->at(a).prompts.boxes.size() == 1u);
  BOOST_TEST(!w.inputs->at(a).blob_path.empty());
  const auto j = stored(w.record.id);
  BOOST_TEST((j.image_ids == w.record.image_ids));
  BOOST_TEST((j.image_filenames == w.record.image_filenames));
  BOOST_TEST((j.created_at == w.record.created_at));
}

BOOST_AUTO_TEST_CASE(creating_without_any_own_image_is_refused) {
  check_error(commit_one(log, job_for(user, {fresh<core::image_id>()})),
              error_code::no_valid_images, "No valid image IDs provided");
  check_error(commit_one(log, job_for(user, {})), error_code::no_valid_images,
              "No valid image IDs provided");
}

BOOST_AUTO_TEST_CASE(an_image_without_prompt_needs_no_processing_unless_forced) {
  const auto a = add_image(user).id;
  check_error(commit_one(log, job_for(user, {a})), error_code::nothing_to_process,
              "No images need processing");
  auto c = job_for(user, {a});
  c.force_all = true;
  BOOST_TEST(created(c).record.image_ids.size() == 1u);
}

BOOST_AUTO_TEST_CASE(unchanged_images_are_covered_until_their_prompts_change) {
  const auto a = prompted_image();
  created(job_for(user, {a}));
  check_error(commit_one(log, job_for(user, {a})), error_code::nothing_to_process,
              "No images need processing");
  add_box(user, a);
  BOOST_TEST(created(job_for(user, {a})).record.image_ids.size() == 1u);
  auto other_mode = job_for(user, {a});
  other_mode.mode = core::segmentation_mode::find_all;
  BOOST_REQUIRE(images.set_text_prompt(user, a, "cup").ok());
  created(other_mode);
}

BOOST_AUTO_TEST_CASE(a_job_made_earlier_in_the_batch_covers) {
  const auto a = prompted_image();
  const std::vector<core::write_command> batch = {job_for(user, {a}), job_for(user, {a})};
  const auto out = log.commit(batch);
  BOOST_TEST(out[0].ok());
  check_error(out[1], error_code::nothing_to_process, "No images need processing");
}

BOOST_AUTO_TEST_CASE(a_cancelled_or_failed_image_is_not_covered_and_a_result_is) {
  const auto a = prompted_image();
  const auto first = job_for(user, {a});
  const auto second = job_for(user, {a});
  // Within one batch the cancellation must be seen by the second creation.
  const std::vector<core::write_command> batch = {
      first, core::cancel_job{user, first.id, next_time()}, second};
  const auto out = log.commit(batch);
  BOOST_TEST((out[0].ok() && out[1].ok() && out[2].ok()));
  BOOST_TEST((stored(first.id).status == core::job_status::cancelled));

  auto failed = commit_one(log, core::record_failure{user, second.id, a, 3, "broken", next_time()});
  BOOST_REQUIRE(failed.ok());
  BOOST_TEST((failed->record.status == core::job_status::failed));
  const auto third = created(job_for(user, {a}));
  commit_one(log, core::record_result{user, third.record.id, result_for(user, third.record.id, a)});
  BOOST_TEST((stored(third.record.id).status == core::job_status::completed));
  check_error(commit_one(log, job_for(user, {a})), error_code::nothing_to_process,
              "No images need processing");
}

BOOST_AUTO_TEST_CASE(idempotency_key_gives_the_stored_job_or_refuses_another_request) {
  const auto a = prompted_image();
  auto c = job_for(user, {a});
  c.idempotency_key = "it's \"mine\"";
  c.request_hash = std::string{"\x00\xff'", 3};
  const auto first = created(c);
  auto again = c;
  again.id = fresh<core::job_id>();
  const auto second = created(again);
  BOOST_TEST(second.existed);
  BOOST_TEST((second.record.id == first.record.id));
  BOOST_REQUIRE(second.inputs);
  BOOST_TEST((*second.inputs == *first.inputs));
  again.request_hash = "other";
  check_error(commit_one(log, again), error_code::idempotency_mismatch,
              "This Idempotency-Key was used with another request");
  // And all of it inside one batch.
  auto x = job_for(user, {a}), y = x, z = x;
  x.force_all = y.force_all = z.force_all = true;
  x.idempotency_key = y.idempotency_key = z.idempotency_key = "batch";
  x.request_hash = y.request_hash = "h";
  z.request_hash = "g";
  y.id = fresh<core::job_id>();
  z.id = fresh<core::job_id>();
  const std::vector<core::write_command> batch = {x, y, z};
  const auto out = log.commit(batch);
  BOOST_TEST((out[0].ok() && !out[0]->existed));
  BOOST_TEST((out[1].ok() && out[1]->existed && out[1]->record.id == x.id));
  check_error(out[2], error_code::idempotency_mismatch,
              "This Idempotency-Key was used with another request");
}

BOOST_AUTO_TEST_CASE(a_keyed_job_met_again_beside_its_progress_comes_with_its_lists) {
  const auto a = prompted_image(), b = prompted_image();
  auto c = job_for(user, {a, b});
  c.idempotency_key = "k";
  c.request_hash = "h";
  created(c);
  commit_one(log, core::start_job{user, c.id, next_time()});
  auto again = c;
  again.id = fresh<core::job_id>();
  const std::vector<core::write_command> batch = {
      core::record_result{user, c.id, result_for(user, c.id, a)}, again,
      core::record_result{user, c.id, result_for(user, c.id, fresh<core::image_id>())}};
  const auto out = log.commit(batch);
  BOOST_TEST((out[0].ok() && out[0]->record.current_index == 1));
  BOOST_REQUIRE(out[1].ok());
  BOOST_TEST((out[1]->existed && out[1]->record.image_ids.size() == 2u));
  BOOST_TEST((out[1]->record.current_index == 1));
  check_error(out[2], error_code::not_found, "The job has no such image");
  const auto stranger = add_image(user).id;
  check_error(commit_one(log, core::record_result{user, c.id, result_for(user, c.id, stranger)}),
              error_code::not_found, "The job has no such image");
  auto last = commit_one(log, core::record_result{user, c.id, result_for(user, c.id, b)});
  BOOST_TEST((last->record.status == core::job_status::completed));
}

BOOST_AUTO_TEST_CASE(a_pause_is_the_users_own_and_is_found_at_recovery) {
  const auto c = job_for(user, {prompted_image()});
  const auto o =
      log.commit(std::vector<core::write_command>{core::set_queue_paused{user, true}, c});
  BOOST_TEST(o[0]->queue_paused);
  BOOST_TEST(o[1]->queue_paused);
  BOOST_TEST(log.take_open_jobs(user).at(0).queue_paused);
  const core::write_command again = core::set_queue_paused{user, false};
  BOOST_TEST(!commit_one(log, again)->queue_paused);
  BOOST_TEST(!log.take_open_jobs(user).at(0).queue_paused);
}

BOOST_AUTO_TEST_CASE(every_command_can_be_given_again) {
  const auto a = prompted_image(), b = prompted_image();
  const auto c = job_for(user, {a, b});
  const std::vector<core::write_command> batch = {
      c, core::start_job{user, c.id, next_time()}, core::set_job_priority{user, c.id, 7},
      core::record_result{user, c.id, result_for(user, c.id, a)}};
  const auto once = log.commit(batch);
  const auto twice = log.commit(batch);
  for (const auto& o : once) BOOST_TEST(o.ok());
  for (const auto& o : twice) BOOST_TEST(o.ok());
  BOOST_TEST(!twice[0]->existed);
  BOOST_REQUIRE(twice[0]->inputs);
  BOOST_TEST((*twice[0]->inputs == *once[0]->inputs));
  // Its own row is there: the session must still be told so, or nobody hears of the result.
  BOOST_TEST(!twice[3]->duplicate);
  const core::write_command other = core::record_result{user, c.id, result_for(user, c.id, a)};
  BOOST_TEST(commit_one(log, other)->duplicate);
  const auto j = stored(c.id);
  BOOST_TEST(j.version == 4);
  BOOST_TEST(j.current_index == 1);
  BOOST_TEST(j.priority == 7);
  const core::write_command cancel = core::cancel_job{user, c.id, next_time()};
  BOOST_TEST(commit_one(log, cancel).ok());
  BOOST_TEST(commit_one(log, cancel).ok());
}

BOOST_AUTO_TEST_CASE(outcomes_are_those_of_one_by_one) {
  const auto a = prompted_image(), b = prompted_image();
  const auto c = job_for(user, {a, b});
  const std::vector<core::write_command> batch = {
      c, core::start_job{user, c.id, next_time()},
      core::record_result{user, c.id, result_for(user, c.id, b)},
      core::record_failure{user, c.id, a, 1, "it was \\ \"odd\"", next_time()}};
  const auto out = log.commit(batch);
  BOOST_TEST((out[0]->record.status == core::job_status::queued));
  BOOST_TEST((out[1]->record.status == core::job_status::running));
  BOOST_TEST(out[2]->record.current_index == 1);
  BOOST_TEST((out[2]->record.status == core::job_status::running));
  BOOST_TEST((out[3]->record.status == core::job_status::completed));
  BOOST_TEST(out[3]->record.failed_count == 1);
  const auto j = stored(c.id);
  BOOST_TEST((j.status == core::job_status::completed));
  BOOST_TEST(j.version == out[3]->record.version);
  BOOST_TEST(j.completed_at.has_value());
  BOOST_TEST(!j.error.has_value());
  const auto states = jobs.list_job_images(user, c.id, {}).value().items;
  BOOST_TEST((states[0].state == core::unit_state::failed));
  BOOST_TEST(states[0].error.value() == "it was \\ \"odd\"");
  BOOST_TEST(states[1].result.has_value());
  auto r = results.find_result(user, *states[1].result).value();
  results.add_prompts(user, {&r, 1});
  const auto& sent = *std::get<core::record_result>(batch[2]).result;
  BOOST_TEST((r.detections == sent.detections));
  BOOST_TEST(r.prompts.boxes.size() == 1u);
  BOOST_TEST((r.processed_at == sent.processed_at));
}

BOOST_AUTO_TEST_CASE(a_job_whose_images_all_failed_is_failed_with_a_reason) {
  const auto a = prompted_image();
  const auto w = created(job_for(user, {a}));
  auto o = commit_one(log, core::record_failure{user, w.record.id, a, 1, "too dark", next_time()});
  BOOST_TEST((o->record.status == core::job_status::failed));
  BOOST_TEST(o->record.error.value() == "too dark");
  check_error(commit_one(log, core::cancel_job{user, w.record.id, next_time()}),
              error_code::conflict, "Job is already failed");
}

BOOST_AUTO_TEST_CASE(a_result_for_a_cancelled_job_is_kept_and_counted) {
  const auto a = prompted_image();
  const auto w = created(job_for(user, {a}));
  commit_one(log, core::cancel_job{user, w.record.id, next_time()});
  auto o =
      commit_one(log, core::record_result{user, w.record.id, result_for(user, w.record.id, a)});
  BOOST_REQUIRE(o.ok());
  BOOST_TEST((o->record.status == core::job_status::cancelled));
  BOOST_TEST(o->record.current_index == 1);
  BOOST_TEST(results.newest_result(user, a, core::segmentation_mode::inside_box).has_value());
}

BOOST_AUTO_TEST_CASE(a_result_of_a_deleted_image_fails_alone) {
  const auto a = prompted_image(), b = prompted_image();
  const auto w = created(job_for(user, {a, b}));
  const auto id = w.record.id;
  BOOST_REQUIRE(images.delete_image(user, a).ok());
  const std::vector<core::write_command> batch = {
      core::record_result{user, id, result_for(user, id, a)},
      core::record_result{user, id, result_for(user, id, b)}};
  const auto out = log.commit(batch);
  check_error(out[0], error_code::not_found, "Image was deleted");
  BOOST_TEST(out[1].ok());
  auto o = commit_one(log, core::record_failure{user, id, a, 1, "Image was deleted", next_time()});
  BOOST_TEST((o->record.status == core::job_status::completed));
}

BOOST_AUTO_TEST_CASE(a_failing_batch_is_replayed_one_by_one_and_only_the_bad_one_fails) {
  const auto a = prompted_image(), b = prompted_image();
  auto good = job_for(user, {a});
  auto bad = job_for(user, {b});
  bad.idempotency_key = std::string("not \xff utf-8");
  const auto last = job_for(make_user(), {});
  const std::vector<core::write_command> batch = {bad, good, last};
  const auto out = log.commit(batch);
  BOOST_TEST((!out[0].ok() && out[0].failure().code == error_code::internal));
  BOOST_TEST(out[1].ok());
  BOOST_TEST((out[2].failure().code == error_code::no_valid_images));
}

BOOST_AUTO_TEST_CASE(an_injected_failure_before_commit_leaves_nothing_and_is_replayed) {
  const auto a = prompted_image(), b = prompted_image();
  const std::vector<core::write_command> batch = {job_for(user, {a}), job_for(user, {b})};
  log.before_commit([](std::size_t n) {
    if (n > 1) throw std::runtime_error("injected");
  });
  const auto out = log.commit(batch);
  BOOST_TEST((out[0].ok() && out[1].ok()));
  log.before_commit([](std::size_t) { throw core::store_unavailable("injected"); });
  const std::vector<core::write_command> lost = {job_for(user, {a})};
  BOOST_CHECK_THROW(log.commit(lost), core::store_unavailable);
  log.before_commit({});
  BOOST_TEST(jobs.list_jobs(user, std::nullopt, {}).items.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_lock_held_too_long_is_not_the_commands_fault) {
  const auto a = prompted_image();
  const auto id = created(job_for(user, {a})).record.id;
  pqxx::connection super{cluster().db.embedded->superuser_conninfo()};
  const std::vector<core::write_command> batch = {core::start_job{user, id, next_time()}};
  {
    pqxx::work t{super};
    t.exec("select from processing_jobs where id = '" + core::to_string(id) + "' for update");
    std::atomic<bool> done{false};
    std::thread cancel{[&] {
      // Ends the waiting statement as its time limit would.
      pqxx::connection other{cluster().db.embedded->superuser_conninfo()};
      while (!done) {
        pqxx::nontransaction{other}.exec(
            "select pg_cancel_backend(pid) from pg_stat_activity "
            "where usename = 'samovar_app' and wait_event_type = 'Lock'");
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    }};
    BOOST_CHECK_THROW(log.commit(batch), core::store_unavailable);
    done = true;
    cancel.join();
  }
  const auto out = log.commit(batch);
  BOOST_TEST((out[0].ok() && out[0]->record.status == core::job_status::running));
}

BOOST_AUTO_TEST_CASE(a_killed_connection_throws_once_and_the_same_commands_then_succeed) {
  const auto a = prompted_image();
  const std::vector<core::write_command> batch = {job_for(user, {a})};
  log.before_commit([](std::size_t) {
    pqxx::connection super{cluster().db.embedded->superuser_conninfo()};
    pqxx::nontransaction t{super};
    t.exec(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity "
        "where usename = 'samovar_app'");
  });
  BOOST_CHECK_THROW(log.commit(batch), core::store_unavailable);
  log.before_commit({});
  BOOST_TEST(log.commit(batch)[0].ok());
}

BOOST_AUTO_TEST_CASE(another_epoch_is_refused_until_it_takes_the_jobs_over) {
  const auto a = prompted_image(), b = prompted_image();
  const auto id = created(job_for(user, {a, b})).record.id;
  commit_one(log, core::record_result{user, id, result_for(user, id, a)});
  storage::postgres_job_log next{cluster().db.app_conninfo};
  next.begin_epoch();
  check_error(commit_one(next, core::start_job{user, id, next_time()}), error_code::conflict,
              "Another server looks after this job");
  const auto open = next.take_open_jobs(user);
  BOOST_REQUIRE(open.size() == 1u);
  BOOST_TEST((open[0].ended == std::vector<core::image_id>{a}));
  BOOST_TEST(open[0].record.current_index == 1);
  BOOST_TEST(open[0].inputs->at(b).prompts.boxes.size() == 1u);
  BOOST_TEST(!open[0].inputs->at(b).blob_path.empty());
  BOOST_TEST(commit_one(next, core::start_job{user, id, next_time()}).ok());
  check_error(commit_one(log, core::cancel_job{user, id, next_time()}), error_code::conflict,
              "Another server looks after this job");
}

BOOST_AUTO_TEST_CASE(taking_over_recounts_and_shows_deleted_images_without_blob) {
  const auto a = prompted_image(), b = prompted_image();
  const auto id = created(job_for(user, {a, b})).record.id;
  commit_one(log, core::record_result{user, id, result_for(user, id, a)});
  BOOST_REQUIRE(images.delete_image(user, a).ok());
  const auto open = log.take_open_jobs(user);
  BOOST_REQUIRE(open.size() == 1u);
  BOOST_TEST(open[0].record.current_index == 0);
  BOOST_TEST(open[0].ended.empty());
  BOOST_TEST(open[0].inputs->at(a).blob_path.empty());
  BOOST_TEST(open[0].inputs->size() == 2u);
}

BOOST_AUTO_TEST_CASE(unknown_jobs_and_strangers_jobs_are_not_found) {
  const auto a = prompted_image();
  const auto id = created(job_for(user, {a})).record.id;
  const auto other = make_user();
  check_error(commit_one(log, core::cancel_job{other, id, next_time()}), error_code::not_found,
              "Job not found");
  check_error(commit_one(log, core::start_job{user, fresh<core::job_id>(), next_time()}),
              error_code::not_found, "Job not found");
}

BOOST_AUTO_TEST_CASE(too_many_images_are_refused) {
  auto c = job_for(user, {});
  c.image_ids.resize(10'001);
  auto o = commit_one(log, c);
  BOOST_TEST((!o.ok() && o.failure().code == error_code::validation_failed));
}

BOOST_AUTO_TEST_SUITE_END()
