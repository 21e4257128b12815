#include "core/job_queue.hpp"

#include <boost/test/unit_test.hpp>
#include <map>
#include <random>
#include <set>

#include "core/event_log.hpp"
#include "core/limits.hpp"

using namespace samovar::core;

namespace {

template <class Id>
Id numbered(int n) {
  Id id;
  id.value.bytes[15] = static_cast<std::uint8_t>(n);
  id.value.bytes[14] = static_cast<std::uint8_t>(n >> 8);
  return id;
}

job make_job(int n, int images, int priority = 0) {
  job j;
  j.id = numbered<job_id>(n);
  j.priority = priority;
  j.created_at = timestamp{std::chrono::microseconds{n}};
  std::vector<image_id> ids;
  std::vector<std::string> names;
  for (int i = 0; i < images; ++i) {
    ids.push_back(numbered<image_id>(n * 100 + i));
    names.push_back("f" + std::to_string(i));
  }
  j.image_ids = std::move(ids);
  j.image_filenames = std::move(names);
  return j;
}

std::shared_ptr<const job_inputs> no_inputs() { return std::make_shared<const job_inputs>(); }

}  // namespace

BOOST_AUTO_TEST_SUITE(job_queue_tests)

BOOST_AUTO_TEST_CASE(status_machine_has_exactly_its_edges) {
  using enum job_status;
  const std::set<std::pair<job_status, job_status>> edges{{queued, running},
                                                          {queued, cancelled},
                                                          {running, completed},
                                                          {running, failed},
                                                          {running, cancelled}};
  for (const auto from : {queued, running, completed, failed, cancelled})
    for (const auto to : {queued, running, completed, failed, cancelled})
      BOOST_TEST(can_move(from, to) == edges.contains({from, to}));
  BOOST_TEST((final_status(3, 0) == completed));
  BOOST_TEST((final_status(3, 2) == completed));
  BOOST_TEST((final_status(3, 3) == failed));
}

BOOST_AUTO_TEST_CASE(older_first_then_priority_and_one_job_at_a_time) {
  job_queue q;
  q.add(make_job(1, 2), no_inputs(), {});
  q.add(make_job(2, 2), no_inputs(), {});
  q.add(make_job(3, 1, 5), no_inputs(), {});
  BOOST_TEST(q.demand() == 1);  // only the urgent job may start
  auto u = q.take();
  BOOST_REQUIRE(u.has_value());
  BOOST_TEST((u->job == numbered<job_id>(3) && u->starts_job));
  BOOST_TEST(!q.take().has_value());  // one running job at most
  auto done = make_job(3, 1, 5);
  done.status = job_status::completed;
  done.version = 3;
  q.finished(u->job, u->image);
  q.update(done);
  u = q.take();
  BOOST_TEST((u->job == numbered<job_id>(1) && u->starts_job && u->index == 0u));
  u = q.take();
  BOOST_TEST((u->job == numbered<job_id>(1) && !u->starts_job && u->index == 1u));
  BOOST_TEST(!q.take().has_value());
  BOOST_TEST((q.position_of(numbered<job_id>(2)) == 0));
}

BOOST_AUTO_TEST_CASE(two_jobs_run_side_by_side_when_the_quota_allows) {
  job_queue q;
  q.set_max_concurrent_jobs(2);
  for (int i = 1; i <= 4; ++i) q.add(make_job(i, 1), no_inputs(), {});
  BOOST_TEST(q.demand() == 2);
  BOOST_TEST(q.take().has_value());
  BOOST_TEST(q.take().has_value());
  BOOST_TEST(!q.take().has_value());
  BOOST_TEST(q.waiting_jobs() == 2u);
}

BOOST_AUTO_TEST_CASE(attempts_are_bounded) {
  job_queue q;
  q.add(make_job(1, 1), no_inputs(), {});
  for (int attempt = 1; attempt <= limits::unit_attempts_max; ++attempt) {
    const auto u = q.take();
    BOOST_REQUIRE(u.has_value());
    BOOST_TEST(u->attempt == attempt);
    BOOST_TEST(q.put_back(u->job, u->image, true) == (attempt < limits::unit_attempts_max));
  }
  BOOST_TEST(!q.take().has_value());
  BOOST_TEST(!q.put_back(numbered<job_id>(1), numbered<image_id>(100), true));
}

BOOST_AUTO_TEST_CASE(recovered_jobs_go_on_at_their_open_images) {
  job_queue q;
  auto j = make_job(1, 3);
  j.status = job_status::running;
  const auto first = j.image_ids[0];
  q.add(j, no_inputs(), {first});
  const auto u = q.take();
  BOOST_TEST((u->index == 1u && !u->starts_job));
  BOOST_TEST(q.demand() == 1);
}

BOOST_AUTO_TEST_CASE(a_stopped_job_hands_out_nothing) {
  job_queue q;
  q.add(make_job(1, 3), no_inputs(), {});
  const auto u = q.take();
  q.stop(u->job);
  BOOST_TEST(q.demand() == 0);
  BOOST_TEST(!q.take().has_value());
  BOOST_TEST(!q.put_back(u->job, u->image, true));
}

BOOST_AUTO_TEST_CASE(positions_follow_the_starting_order) {
  job_queue q;
  for (int i = 1; i <= 50; ++i) q.add(make_job(i, 1, i % 3), no_inputs(), {});
  std::int32_t expected = 0;
  for (const auto id : q.waiting_order(1000)) BOOST_TEST((q.position_of(id) == expected++));
  BOOST_TEST(expected == 50);
}

// Positions and units against a list that is counted anew each time, through all that moves a job.
BOOST_AUTO_TEST_CASE(positions_and_units_are_those_of_a_plain_list) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    std::mt19937 random(seed);
    const auto any = [&](int low, int high) {
      return std::uniform_int_distribution(low, high)(random);
    };
    struct plain {
      job record;
      std::int64_t units = 0;
      bool active = false;
    };
    job_queue q;
    const int side_by_side = any(1, 6);
    q.set_max_concurrent_jobs(side_by_side);
    std::vector<plain> list;
    int made = 0;
    for (int step = 0; step < 400; ++step) {
      auto* some = list.empty() ? nullptr : &list[std::size_t(any(0, int(list.size()) - 1))];
      const int what = any(0, 9);
      if (what <= 3) {
        const auto j = make_job(++made, any(1, 5), any(-2, 2));
        q.add(j, no_inputs(), {});
        list.push_back({j, std::int64_t(j.image_ids.size())});
      } else if (what == 4 && some != nullptr) {
        some->record.priority = any(-2, 2);
        ++some->record.version;
        q.update(some->record);
      } else if (what == 5 && some != nullptr && !some->active) {
        q.stop(some->record.id);
        some->units = 0;
      } else if (what == 6 && some != nullptr) {
        q.let_go(some->record.id);
        list.erase(list.begin() + (some - list.data()));
      } else if (const auto u = q.take()) {
        for (auto& p : list)
          if (p.record.id == u->job) {
            p.active = true;
            --p.units;
          }
        q.finished(u->job, u->image);
        q.written(u->job, u->image);
      }
      const auto key = [](const job& j) { return std::tuple(-j.priority, j.created_at, j.id); };
      std::map<std::tuple<int, timestamp, job_id>, const plain*> starts, goes_on;
      std::int64_t demand = 0;
      int room = side_by_side;
      for (const auto& p : list) {
        if (p.active) --room;
        if (p.units > 0) (p.active ? goes_on : starts).emplace(key(p.record), &p);
      }
      for (const auto& [k, p] : goes_on) demand += p->units;
      const auto* next = goes_on.empty() ? nullptr : goes_on.begin()->second;
      if (room > 0 && !starts.empty() &&
          (next == nullptr || starts.begin()->first < key(next->record)))
        next = starts.begin()->second;
      for (const auto& [k, p] : starts)
        if (room-- > 0) demand += p->units;
      BOOST_REQUIRE_EQUAL(q.demand(), demand);
      const auto image = q.next_image();
      BOOST_REQUIRE(image.has_value() == (next != nullptr));
      if (next != nullptr)
        BOOST_REQUIRE(*image == next->record.image_ids[next->record.image_ids.size() -
                                                       static_cast<std::size_t>(next->units)]);
      for (const auto& mine : list) {
        std::int32_t position = 0;
        std::int64_t units = mine.units;
        for (const auto& other : list) {
          const bool before = !other.active && key(other.record) < key(mine.record);
          position += before;
          if (other.record.id != mine.record.id && (before || other.active)) units += other.units;
        }
        BOOST_REQUIRE(q.position_of(mine.record.id) ==
                      (mine.active ? std::nullopt : std::optional(position)));
        BOOST_REQUIRE_EQUAL(q.units_until_done(mine.record.id), units);
      }
    }
    BOOST_TEST(made > 50);
  }
}

// Every unit is handed out, ends exactly once, whatever the order of faults and answers.
BOOST_AUTO_TEST_CASE(random_life_ends_every_unit_exactly_once) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    std::mt19937 random(seed);
    job_queue q;
    q.set_max_concurrent_jobs(std::uniform_int_distribution(1, 3)(random));
    std::map<job_id, job> stored;
    std::map<std::pair<job_id, image_id>, int> ended;
    std::vector<job_queue::unit> running, writing;
    int made = 0;
    const auto pick = [&](auto& v) {
      const auto i = std::uniform_int_distribution<std::size_t>(0, v.size() - 1)(random);
      const auto u = v[i];
      v.erase(v.begin() + static_cast<std::ptrdiff_t>(i));
      return u;
    };
    for (int step = 0; step < 5000 && !(made == 20 && q.idle()); ++step) {
      switch (std::uniform_int_distribution(0, 4)(random)) {
        case 0:
          if (made < 20) {
            auto j = make_job(++made, std::uniform_int_distribution(1, 6)(random),
                              std::uniform_int_distribution(-1, 1)(random));
            stored[j.id] = j;
            q.add(j, no_inputs(), {});
          }
          break;
        case 1:
        case 2: {
          const auto wanted = q.demand();
          const auto u = q.take();
          BOOST_REQUIRE_EQUAL(u.has_value(), wanted > 0);
          if (!u) break;
          if (u->starts_job) {
            stored[u->job].status = job_status::running;
            ++stored[u->job].version;
            q.update(stored[u->job]);
          }
          running.push_back(*u);
          int active = 0;
          for (const auto& [id, j] : stored) active += j.status == job_status::running;
          BOOST_REQUIRE_LE(active, q.max_concurrent_jobs());
          break;
        }
        case 3:
          if (!running.empty()) {
            const auto u = pick(running);
            const bool fault = std::uniform_int_distribution(0, 3)(random) == 0;
            if (fault) {
              if (!q.put_back(u.job, u.image, true)) writing.push_back(u);
            } else {
              BOOST_REQUIRE(q.finished(u.job, u.image));
              writing.push_back(u);
            }
          }
          break;
        default:
          if (!writing.empty()) {
            const auto u = pick(writing);
            q.written(u.job, u.image);
            const int times = ++ended[std::pair{u.job, u.image}];
            BOOST_REQUIRE_EQUAL(times, 1);
            auto& j = stored[u.job];
            ++j.current_index;
            ++j.version;
            if (j.current_index == static_cast<int>(j.image_ids.size()))
              j.status = job_status::completed;
            q.update(j);
          }
      }
    }
    BOOST_TEST(q.idle());
    for (const auto& [id, j] : stored) BOOST_TEST((j.status == job_status::completed));
  }
}

BOOST_AUTO_TEST_CASE(event_log_replays_or_asks_to_reload) {
  event_log log(first_seq(5));
  const auto id = numbered<job_id>(1);
  const auto add = [&](event_type t) {
    event e;
    e.type = t;
    e.about_job = id;
    return log.append(e)->seq;
  };
  const auto first = add(event_type::job_queued);
  BOOST_TEST(first == first_seq(5) + 1);
  add(event_type::job_progress);
  add(event_type::job_progress);
  const auto last = add(event_type::job_completed);
  const auto missed = log.since(first);
  BOOST_REQUIRE(missed.has_value());
  BOOST_TEST(missed->size() == 1u);  // a terminal event makes its job's progress superfluous
  BOOST_TEST(missed->front()->seq == last);
  BOOST_TEST(log.since(last)->empty());
  BOOST_TEST(!log.since(last + 1).has_value());
  BOOST_TEST(!log.since(first_seq(5) - 1).has_value());
  for (std::size_t i = 0; i < limits::event_ring_events_max + 10; ++i)
    add(event_type::result_ready);
  BOOST_TEST(!log.since(first).has_value());
  BOOST_TEST(log.since(log.last_seq() - 5)->size() == 5u);
}

BOOST_AUTO_TEST_SUITE_END()
