// The unit runner: cache, failures, and images it never decodes.
#include "model/unit_runner.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>

#include "files.hpp"
#include "model/classical.hpp"
#include "model/codec.hpp"
#include "model/synthetic.hpp"

using namespace samovar;
using namespace samovar::model::tests;

namespace {

class memory_blobs final : public core::blob_store {
 public:
  std::filesystem::path new_spool_file() override { return {}; }
  core::status put_file(const std::string&, const std::filesystem::path&) override {
    return core::done{};
  }
  core::status put_bytes(const std::string& key, std::string_view b) override {
    blobs[key] = b;
    return core::done{};
  }
  std::optional<std::string> read(const std::string& key) override {
    ++reads;
    on_read(key);
    const auto it = blobs.find(key);
    return it == blobs.end() ? std::nullopt : std::optional(it->second);
  }
  std::optional<std::string> read_range(const std::string& key, std::uint64_t offset,
                                        std::size_t count) override {
    ++range_reads;
    const auto it = blobs.find(key);
    return it == blobs.end() ? std::nullopt : std::optional(it->second.substr(offset, count));
  }
  std::optional<std::uint64_t> size_of(const std::string& key) override {
    return blobs.at(key).size();
  }
  void remove(const std::string& key) override { blobs.erase(key); }
  std::uint64_t free_bytes() override { return 1; }

  std::map<std::string, std::string> blobs;
  std::function<void(const std::string&)> on_read = [](const std::string&) {};
  std::atomic<int> reads = 0;
  std::atomic<int> range_reads = 0;
};

/// What must happen on another thread while a step is under way: the step waits for it.
class meeting {
 public:
  void came() {
    const std::lock_guard lock(mutex_);
    came_ = true;
    changed_.notify_all();
  }
  /// False when it did not come within ten seconds: then nothing overlaps.
  bool wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [this] { return came_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool came_ = false;
};

struct whole_image final : core::encoding {
  std::size_t bytes() const override { return 1; }
};

/// Calls what the test sets at each step of each unit, counted from 1.
class staged_segmenter final : public core::segmenter {
 public:
  std::string identity() const override { return "staged/1"; }
  core::segmenter_abilities abilities() const override { return {}; }
  core::outcome<std::shared_ptr<const core::encoding>> encode(std::shared_ptr<const core::pixels>,
                                                              const core::cancel_token&) override {
    on_encode(++encoded);
    return std::shared_ptr<const core::encoding>(std::make_shared<whole_image>());
  }
  core::outcome<std::vector<core::detection>> segment(const core::encoding&,
                                                      core::segmentation_mode,
                                                      const core::image_prompts& prompts,
                                                      const core::cancel_token&) override {
    return detections(prompts);
  }
  core::outcome<core::segmented> segment_on_device(const core::encoding&, core::segmentation_mode,
                                                   const core::image_prompts& prompts,
                                                   const core::cancel_token&) override {
    on_segment(++segmented);
    return core::segmented{{}, [this, prompts, n = segmented] {
                             on_rest(n);
                             return detections(prompts);
                           }};
  }
  static std::vector<core::detection> detections(const core::image_prompts& prompts) {
    std::vector<core::detection> out;
    for (const auto& b : prompts.boxes) {
      core::rle mask{32, 48, {}};
      mask.counts = {static_cast<std::uint32_t>(b.area.x), 1,
                     static_cast<std::uint32_t>(32 * 48 - 1 - b.area.x)};
      out.push_back(core::make_detection(std::move(mask), 0.5));
    }
    return out;
  }

  int encoded = 0;
  int segmented = 0;
  std::function<void(int)> on_encode = [](int) {};
  std::function<void(int)> on_segment = [](int) {};
  std::function<void(int)> on_rest = [](int) {};
};

core::unit_request unit(const std::string& blob) {
  core::unit_request u;
  u.blob_path = blob;
  u.sha256 = "sha of " + blob;
  u.prompts.boxes.push_back({{}, {4, 4, 20, 20}, core::prompt_type::segment});
  return u;
}

struct fixture {
  memory_blobs blobs;
  std::unique_ptr<core::image_codec> codec = model::make_image_codec();
  core::cancel_token never;

  fixture() {
    for (const auto* name : {"a", "b", "c"}) blobs.blobs[name] = encoded(".png", quadrants());
  }
  auto runner(std::unique_ptr<core::segmenter> s, std::size_t cache, bool pixels) {
    return model::make_unit_runner(std::move(s), blobs, *codec, cache, pixels);
  }
};

const core::unit_failure* failure(const std::variant<core::unit_output, core::unit_failure>& r) {
  return std::get_if<core::unit_failure>(&r);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(runner, fixture)

BOOST_AUTO_TEST_CASE(encodings_are_kept_and_the_least_recently_used_goes_first) {
  const std::size_t one = 48 * 32 * 3;
  const auto r = runner(model::make_classical_segmenter(), 2 * one, true);
  for (const auto& [blob, reads] : std::vector<std::pair<std::string, int>>{
           {"a", 1}, {"b", 2}, {"a", 2}, {"c", 3}, {"a", 3}, {"b", 4}}) {
    const auto out = r->run(unit(blob), never);
    BOOST_REQUIRE(!failure(out));
    BOOST_CHECK_EQUAL(blobs.reads, reads);
    BOOST_CHECK_EQUAL(std::get<core::unit_output>(out).model, "classical/1");
    BOOST_CHECK_GT(std::get<core::unit_output>(out).device_ms, 0.0);
  }
  const auto none = runner(model::make_classical_segmenter(), 10, true);
  BOOST_CHECK(!failure(none->run(unit("a"), never)));
  BOOST_CHECK(!failure(none->run(unit("a"), never)));
  BOOST_CHECK_EQUAL(blobs.reads, 6);
}

BOOST_AUTO_TEST_CASE(a_size_is_read_from_the_header_once) {
  const auto r = runner(model::make_synthetic_segmenter(0.0), 0, false);
  blobs.blobs["turned"] = jpeg_with_orientation(encoded(".jpg", quadrants()), 6);
  for (int i = 0; i < 3; ++i) {
    const auto out = r->run(unit("turned"), never);
    BOOST_REQUIRE(!failure(out));
    const auto& d = std::get<core::unit_output>(out).detections.at(0);
    BOOST_CHECK_EQUAL(d.mask.width, 32);
    BOOST_CHECK_EQUAL(d.mask.height, 48);
  }
  BOOST_CHECK_EQUAL(blobs.range_reads, 1);
  BOOST_CHECK_EQUAL(blobs.reads, 0);
}

BOOST_AUTO_TEST_CASE(a_large_header_is_read_further) {
  auto jpeg = encoded(".jpg", quadrants());
  const std::string comment = std::string("\xFF\xFE\xFF\xFF", 4) + std::string(65533, 'x');
  for (int i = 0; i < 3; ++i) jpeg.insert(2, comment);
  blobs.blobs["long"] = jpeg;
  const auto r = runner(model::make_synthetic_segmenter(0.0), 0, false);
  BOOST_CHECK(!failure(r->run(unit("long"), never)));
  BOOST_CHECK_EQUAL(blobs.range_reads, 2);
}

BOOST_AUTO_TEST_CASE(faults_of_the_input_are_final) {
  const auto r = runner(model::make_classical_segmenter(), 1 << 20, true);
  for (const auto* blob : {"", "missing"}) {
    const auto out = r->run(unit(blob), never);
    BOOST_REQUIRE(failure(out));
    BOOST_CHECK_EQUAL(failure(out)->reason, "Image was deleted");
    BOOST_CHECK(!failure(out)->retryable);
  }
  blobs.blobs["bad"] = blobs.blobs["a"].substr(0, 60);
  const auto out = r->run(unit("bad"), never);
  BOOST_REQUIRE(failure(out));
  BOOST_CHECK(!failure(out)->retryable);
  BOOST_CHECK_NE(failure(out)->reason.find("truncated"), std::string::npos);
  auto text = unit("a");
  text.mode = core::segmentation_mode::find_all;
  text.prompts = {};
  text.prompts.text = "dog";
  const auto asked = r->run(text, never);
  BOOST_REQUIRE(failure(asked));
  BOOST_CHECK(!failure(asked)->retryable);
  BOOST_CHECK_NE(failure(asked)->reason.find("SAM 3"), std::string::npos);
}

BOOST_AUTO_TEST_CASE(faults_of_the_machine_are_retryable) {
  model::synthetic_config c;
  c.fail_every_n = 2;
  c.throw_every_n = 3;
  const auto r = runner(model::make_synthetic_segmenter(c), 1 << 20, false);
  BOOST_CHECK(!failure(r->run(unit("a"), never)));
  for (int i = 0; i < 2; ++i) {
    const auto out = r->run(unit("a"), never);
    BOOST_REQUIRE(failure(out));
    BOOST_CHECK(failure(out)->retryable);
  }
  BOOST_CHECK(failure(r->run(unit("a"), never)));
  BOOST_CHECK(!failure(r->run(unit("a"), never)));
}

BOOST_AUTO_TEST_CASE(a_mask_of_another_size_is_no_answer) {
  model::synthetic_config c;
  c.wrong_size_every_n = 2;
  const auto r = runner(model::make_synthetic_segmenter(c), 1 << 20, false);
  BOOST_CHECK(!failure(r->run(unit("a"), never)));
  for (int i = 0; i < 2; ++i) {  // the encoding comes from the cache
    const auto out = r->run(unit("a"), never);
    BOOST_REQUIRE_EQUAL(failure(out) != nullptr, i == 0);
    if (i > 0) continue;
    BOOST_CHECK(failure(out)->retryable);
    BOOST_CHECK_NE(failure(out)->reason.find("wrong size"), std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(a_cancelled_unit_ends) {
  core::cancel_token cancel;
  cancel.cancel();
  const auto r = runner(model::make_classical_segmenter(), 1 << 20, true);
  BOOST_CHECK(failure(r->run(unit("a"), cancel)));
}

BOOST_AUTO_TEST_CASE(an_image_is_decoded_while_the_device_works_on_another) {
  meeting read_ahead;
  blobs.on_read = [&](const std::string& key) {
    if (key == "b") read_ahead.came();
  };
  auto staged = std::make_unique<staged_segmenter>();
  bool overlapped = false;
  staged->on_encode = [&](int n) {
    if (n == 1) overlapped = read_ahead.wait();
  };
  const auto r = runner(std::move(staged), 1 << 20, true);
  r->prepare(std::make_shared<const core::unit_request>(unit("b")));
  BOOST_CHECK(!failure(r->run(unit("a"), never)));
  BOOST_CHECK(overlapped);
  BOOST_CHECK(!failure(r->run(unit("b"), never)));
  BOOST_CHECK_EQUAL(blobs.reads, 2);  // what was read ahead is used
}

BOOST_AUTO_TEST_CASE(masks_are_finished_while_the_device_works_on_another) {
  meeting next_begun;
  auto staged = std::make_unique<staged_segmenter>();
  bool overlapped = false;
  staged->on_segment = [&](int n) {
    if (n == 2) next_begun.came();
  };
  staged->on_rest = [&](int n) {
    if (n == 1) overlapped = next_begun.wait();
  };
  const auto r = runner(std::move(staged), 1 << 20, true);
  std::map<std::string, std::promise<core::unit_result>> ended;
  ended["a"], ended["b"];
  for (const auto* blob : {"a", "b"})
    r->start(
        std::make_shared<const core::unit_request>(unit(blob)), never,
        [&ended, blob](core::unit_result result) { ended.at(blob).set_value(std::move(result)); });
  for (const auto* blob : {"a", "b"}) {
    const auto out = ended.at(blob).get_future().get();
    BOOST_REQUIRE(!failure(out));
    BOOST_CHECK_EQUAL(std::get<core::unit_output>(out).detections.size(), 1u);
  }
  BOOST_CHECK(overlapped);
}

BOOST_AUTO_TEST_CASE(only_a_few_images_are_decoded_ahead) {
  auto staged = std::make_unique<staged_segmenter>();
  const auto r = runner(std::move(staged), 0, true);
  for (int round = 0; round < 2; ++round)  // asked twice is decoded once
    for (const auto* blob : {"b", "c"})
      r->prepare(std::make_shared<const core::unit_request>(unit(blob)));
  r->prepare(std::make_shared<const core::unit_request>(unit("a")));  // now "b" is let go
  for (const auto* blob : {"a", "c"}) BOOST_CHECK(!failure(r->run(unit(blob), never)));
  BOOST_CHECK_EQUAL(blobs.reads, 3);
  BOOST_CHECK(!failure(r->run(unit("b"), never)));
  BOOST_CHECK_EQUAL(blobs.reads, 4);
  // A prepared unit of a deleted image fails as any other.
  r->prepare(std::make_shared<const core::unit_request>(unit("missing")));
  const auto out = r->run(unit("missing"), never);
  BOOST_REQUIRE(failure(out));
  BOOST_CHECK_EQUAL(failure(out)->reason, "Image was deleted");
}

BOOST_AUTO_TEST_CASE(device_time_is_the_devices_own) {
  const auto pause = std::chrono::milliseconds(30);
  auto staged = std::make_unique<staged_segmenter>();
  staged->on_rest = [&](int) { std::this_thread::sleep_for(pause); };
  blobs.on_read = [&](const std::string&) { std::this_thread::sleep_for(pause); };
  const auto from = std::chrono::steady_clock::now();
  const auto r = runner(std::move(staged), 1 << 20, true);
  const auto out = r->run(unit("a"), never);
  const std::chrono::duration<double, std::milli> all = std::chrono::steady_clock::now() - from;
  BOOST_REQUIRE(!failure(out));
  // Reading and finishing took these two pauses at least, and neither is the device's time.
  BOOST_CHECK_LE(core::device_ms_of(out), all.count() - 60.0);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_the_devices_memory_is_taken_in_parts) {
  auto many = unit("a");
  many.prompts.boxes.clear();
  for (int x = 1; x <= 7; ++x)
    many.prompts.boxes.push_back({{}, {x, 1, 2, 2}, core::prompt_type::segment});
  model::synthetic_config small;
  small.boxes_max = 2;
  const auto r = runner(model::make_synthetic_segmenter(small), 1 << 20, false);
  const auto whole = runner(model::make_synthetic_segmenter(0.0), 1 << 20, false);
  const auto parts = r->run(many, never), at_once = whole->run(many, never);
  BOOST_REQUIRE(!failure(parts) && !failure(at_once));
  const auto& some = std::get<core::unit_output>(parts).detections;
  const auto& all = std::get<core::unit_output>(at_once).detections;
  BOOST_REQUIRE_EQUAL(some.size(), 7u);
  for (std::size_t i = 0; i < all.size(); ++i) BOOST_CHECK(some[i].mask == all[i].mask);
  // find_all is one question: it is not taken apart, and fails with a clear reason.
  many.mode = core::segmentation_mode::find_all;
  const auto out = r->run(many, never);
  BOOST_REQUIRE(failure(out));
  BOOST_CHECK_NE(failure(out)->reason.find("memory"), std::string::npos);
  BOOST_CHECK(!failure(r->run(unit("b"), never)));
}

BOOST_AUTO_TEST_CASE(parts_with_masks_to_finish_keep_their_order) {
  auto staged = std::make_unique<staged_segmenter>();
  staged->on_segment = [](int n) {
    if (n == 1) throw std::bad_alloc();
  };
  staged->on_encode = [](int n) {
    if (n == 1) throw std::bad_alloc();  // the cache gives its memory back, then it fits
  };
  auto two = unit("a");
  two.prompts.boxes.push_back({{}, {9, 4, 20, 20}, core::prompt_type::segment});
  const auto out = runner(std::move(staged), 1 << 20, true)->run(two, never);
  BOOST_REQUIRE(!failure(out));
  BOOST_CHECK(std::get<core::unit_output>(out).detections ==
              staged_segmenter::detections(two.prompts));
}

BOOST_AUTO_TEST_SUITE_END()
