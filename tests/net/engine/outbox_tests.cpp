#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "core/limits.hpp"
#include "fakes.hpp"
#include "net/outbox.hpp"
#include "net/socket_sink.hpp"

using namespace samovar;
using core::event_type;
using tests::make_event;

namespace {

void push(net::outbox& box, event_type type, std::int64_t seq, std::uint8_t job) {
  const auto e = make_event(type, seq, job);
  box.push(*e, net::event_text(e));
}

std::vector<std::int64_t> seqs(net::outbox& box) {
  std::vector<std::int64_t> out;
  while (const auto text = box.pop()) {
    const auto at = text->find("\"seq\":");
    out.push_back(at == std::string::npos ? -1 : std::stoll(text->substr(at + 6)));
  }
  return out;
}

using list = std::vector<std::int64_t>;

}  // namespace

BOOST_AUTO_TEST_SUITE(engine_outbox)

BOOST_AUTO_TEST_CASE(newer_progress_replaces_older_of_the_same_job) {
  net::outbox box(100'000);
  push(box, event_type::job_started, 1, 1);
  push(box, event_type::job_progress, 2, 1);
  push(box, event_type::job_progress, 3, 2);
  push(box, event_type::result_ready, 4, 1);
  push(box, event_type::job_progress, 5, 1);
  BOOST_TEST(seqs(box) == (list{1, 3, 4, 5}));
  BOOST_TEST(box.bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(a_terminal_event_removes_pending_progress) {
  net::outbox box(100'000);
  push(box, event_type::job_progress, 1, 1);
  push(box, event_type::result_ready, 2, 1);
  push(box, event_type::job_progress, 3, 2);
  push(box, event_type::job_completed, 4, 1);
  BOOST_TEST(seqs(box) == (list{2, 3, 4}));
  push(box, event_type::job_progress, 5, 1);
  BOOST_TEST(seqs(box) == (list{5}));
}

BOOST_AUTO_TEST_CASE(hello_names_a_bounded_part_of_very_many_jobs) {
  const auto hello_of = [](std::size_t count, std::size_t images) {
    core::job_view view;
    view.record.image_ids = std::vector<core::image_id>(images);
    const std::vector<actors::pinned_job_ptr> jobs(
        count, std::make_shared<const actors::pinned_job>(view));
    net::socket_sink sink(
        core::limits::outbox_bytes_max, [] {}, [] {});
    sink.hello(3, jobs);
    const auto text = sink.take();
    const auto next = sink.take();
    return std::pair{*text, next ? *next : std::string()};
  };
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  const auto few = hello_of(3, 10);
  BOOST_TEST(!has(few.first, "truncated"));
  BOOST_TEST(few.second.empty());
  for (const auto& [count, images] : {std::pair<std::size_t, std::size_t>{257, 1}, {200, 100}}) {
    const auto many = hello_of(count, images);
    BOOST_TEST(many.first.ends_with("],\"truncated\":true}"));
    BOOST_TEST(many.first.size() < core::limits::outbox_bytes_max);
    BOOST_TEST(many.second == "{\"type\":\"resync\"}");
  }
}

BOOST_AUTO_TEST_CASE(over_the_bound_one_resync_is_left) {
  net::outbox box(2'000);
  box.push_plain(std::make_shared<const std::string>("{\"type\":\"hello\",\"seq\":0}"));
  for (int i = 1; i <= 500; ++i) push(box, event_type::result_ready, i, 1);
  BOOST_TEST(box.bytes() <= 2'000u);
  const auto left = seqs(box);
  BOOST_REQUIRE(left.size() >= 2u);
  BOOST_TEST(left[0] == 0);
  BOOST_TEST(left[1] == -1);
  for (std::size_t i = 2; i < left.size(); ++i) {
    BOOST_TEST(left[i] > 0);
    if (i > 2) BOOST_TEST(left[i] == left[i - 1] + 1);
  }
  if (left.size() > 2) BOOST_TEST(left.back() == 500);
}

BOOST_AUTO_TEST_CASE(the_frame_of_a_very_long_job_is_sent) {
  net::outbox box(core::limits::outbox_bytes_max);
  const auto push_long = [&](event_type type, std::int64_t seq, std::uint8_t job) {
    const auto text = "{\"seq\":" + std::to_string(seq) + ",\"ids\":\"" +
                      std::string(3 * core::limits::outbox_bytes_max, 'x') + "\"}";
    box.push(*make_event(type, seq, job), std::make_shared<const std::string>(text));
  };
  push_long(event_type::job_started, 1, 1);
  push_long(event_type::job_progress, 2, 1);
  push(box, event_type::result_ready, 3, 1);
  push_long(event_type::job_progress, 4, 1);
  BOOST_TEST(seqs(box) == (list{1, 3, 4}));
  BOOST_TEST(box.bytes() == 0u);
  // Of very many of them a few are kept, and a resync tells of the others.
  for (int i = 1; i <= 50; ++i)
    push_long(event_type::job_progress, i, static_cast<std::uint8_t>(i));
  const auto left = seqs(box);
  BOOST_TEST(left.size() <= 5u);
  BOOST_TEST(std::count(left.begin(), left.end(), -1) == 1);
}

BOOST_AUTO_TEST_CASE(replaced_progress_does_not_pile_up) {
  net::outbox box(20'000);
  push(box, event_type::job_started, 1, 1);  // stays in front, so nothing can be cut off there
  for (int i = 2; i <= 100'000; ++i)
    push(box, event_type::job_progress, i, static_cast<std::uint8_t>(i % 4));
  BOOST_TEST(box.bytes() < 20'000u);
  const auto left = seqs(box);
  BOOST_TEST(left.size() < 10u);
  BOOST_TEST(left.back() == 100'000);
}

BOOST_AUTO_TEST_CASE(one_wakeup_at_a_time) {
  int wakes = 0;
  int closes = 0;
  net::socket_sink sink(
      100'000, [&] { ++wakes; }, [&] { ++closes; });
  sink.hello(1, {});
  for (int i = 2; i < 100; ++i) sink.deliver(make_event(event_type::job_progress, i, 1));
  BOOST_TEST(wakes == 1);
  BOOST_TEST(*sink.take() == "{\"type\":\"hello\",\"seq\":1,\"jobs\":[]}");
  BOOST_TEST(sink.take()->find("\"seq\":99,") != std::string::npos);
  BOOST_TEST(!sink.take());
  sink.deliver(make_event(event_type::job_completed, 100, 1));
  BOOST_TEST(wakes == 2);
  sink.close_soon();
  sink.closed();
  BOOST_TEST(closes == 1);
  sink.detach();
  sink.deliver(make_event(event_type::job_completed, 101, 1));
  BOOST_TEST(wakes == 2);
}

BOOST_AUTO_TEST_CASE(frames_have_the_documented_shape) {
  const auto ready = make_event(event_type::result_ready, 9, 1);
  BOOST_TEST(*net::event_text(ready) ==
             "{\"type\":\"result.ready\",\"seq\":9,\"job_id\":\"00000000-0000-0000-0000-"
             "000000000001\",\"image_id\":\"00000000-0000-0000-0000-000000000000\","
             "\"result_id\":\"00000000-0000-0000-0000-000000000000\"}");
  const auto queued = make_event(event_type::job_queued, 3, 1);
  BOOST_TEST(net::event_text(queued)->starts_with("{\"type\":\"job.queued\",\"seq\":3,\"job\":{"));
  BOOST_TEST(net::event_text(queued) == net::event_text(queued));
}

BOOST_AUTO_TEST_SUITE_END()
