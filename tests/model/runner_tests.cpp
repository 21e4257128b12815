// The unit runner: cache, failures, and images it never decodes.
#include "model/unit_runner.hpp"

#include <boost/test/unit_test.hpp>
#include <map>

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
  int reads = 0;
  int range_reads = 0;
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

BOOST_AUTO_TEST_CASE(a_cancelled_unit_ends) {
  core::cancel_token cancel;
  cancel.cancel();
  const auto r = runner(model::make_classical_segmenter(), 1 << 20, true);
  BOOST_CHECK(failure(r->run(unit("a"), cancel)));
}

BOOST_AUTO_TEST_SUITE_END()
