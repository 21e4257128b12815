#include "model/unit_runner.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <future>
#include <iterator>
#include <list>
#include <new>
#include <unordered_map>

#include "core/limits.hpp"
#include "model/header.hpp"
#include "model/side_threads.hpp"

namespace samovar::model {

using core::error_code;
using core::outcome;
using core::unit_failure;
using core::unit_output;
using core::unit_result;

namespace {

constexpr std::size_t header_first_bytes = 64 * 1024;
constexpr std::size_t header_second_bytes = 4 * 1024 * 1024;
constexpr std::size_t sizes_cached_max = 64 * 1024;
constexpr auto image_deleted = "Image was deleted";

/// Least recently used out first, bounded by the sum of the entries' weights.
template <class T>
class lru {
 public:
  explicit lru(std::size_t weight_max) : weight_max_(weight_max) {}

  const T* find(const std::string& key) {
    const auto it = index_.find(key);
    if (it == index_.end()) return nullptr;
    order_.splice(order_.begin(), order_, it->second);
    return &it->second->value;
  }

  void put(const std::string& key, T value, std::size_t weight) {
    if (weight > weight_max_ || index_.contains(key)) return;
    while (weight_ + weight > weight_max_) {
      weight_ -= order_.back().weight;
      index_.erase(order_.back().key);
      order_.pop_back();
    }
    order_.push_front({key, std::move(value), weight});
    index_[key] = order_.begin();
    weight_ += weight;
  }

  void clear() {
    index_.clear();
    order_.clear();
    weight_ = 0;
  }

 private:
  struct entry {
    std::string key;
    T value;
    std::size_t weight;
  };
  std::size_t weight_max_;
  std::size_t weight_ = 0;
  std::list<entry> order_;
  std::unordered_map<std::string, typename std::list<entry>::iterator> index_;
};

/// An image's encoding, and its size in pixels, which every mask must have.
struct encoded {
  std::shared_ptr<const core::encoding> code;
  core::size size;
};

bool fits(const core::detection& d, core::size image) {
  std::uint64_t pixels = 0;
  for (const auto count : d.mask.counts) pixels += count;
  return d.mask.width == image.width && d.mask.height == image.height &&
         pixels ==
             static_cast<std::uint64_t>(image.width) * static_cast<std::uint64_t>(image.height);
}

bool is_machines_fault(error_code code) {
  return code == error_code::internal || code == error_code::unavailable;
}

using image_ptr = std::shared_ptr<const core::pixels>;

constexpr auto out_of_memory =
    "The device has not enough memory for this image, not even for one prompt at a time";

class caching_runner final : public core::unit_runner {
 public:
  caching_runner(std::unique_ptr<core::segmenter> segmenter, core::blob_store& blobs,
                 core::image_codec& codec, std::size_t cache_bytes_max, bool needs_pixels)
      : segmenter_(std::move(segmenter)),
        identity_(segmenter_->identity()),
        blobs_(blobs),
        codec_(codec),
        encodings_(cache_bytes_max),
        sizes_(sizes_cached_max),
        needs_pixels_(needs_pixels) {}

  std::string identity() const override { return identity_; }

  unit_result run(const core::unit_request& unit, const core::cancel_token& cancel) override {
    auto work = on_device(unit, cancel);
    finish(work);
    return std::move(work.result);
  }

  void prepare(const std::shared_ptr<const core::unit_request>& unit) override {
    const auto& key = unit->sha256;
    if (!needs_pixels_ || key.empty() || unit->blob_path.empty()) return;
    if (encodings_.find(key) != nullptr || prepared_.contains(key)) return;
    if (prepared_order_.size() >= core::limits::units_prepared_max) drop_oldest_prepared();
    auto decode = std::make_shared<std::packaged_task<outcome<image_ptr>()>>(
        [this, unit] { return fetch_pixels(*unit); });
    prepared_.emplace(key, decode->get_future());
    prepared_order_.push_back(key);
    beside_.post([decode] { (*decode)(); });
  }

  void start(const std::shared_ptr<const core::unit_request>& unit,
             const core::cancel_token& cancel, std::function<void(unit_result)> done) override {
    auto work = on_device(*unit, cancel);
    if (work.rests.empty()) {
      finish(work);
      return done(std::move(work.result));
    }
    beside_.post(
        [this, done = std::move(done), work = std::make_shared<device_work>(std::move(work))] {
          finish(*work);
          done(std::move(work->result));
        });
  }

 private:
  /// Adds the time of its life to a sum of milliseconds.
  class device_time {
   public:
    explicit device_time(double& ms) : ms_(ms) {}
    ~device_time() {
      ms_ += std::chrono::duration<double, std::milli>(stopwatch::now() - from_).count();
    }
    device_time(const device_time&) = delete;
    device_time& operator=(const device_time&) = delete;

   private:
    using stopwatch = std::chrono::steady_clock;
    double& ms_;
    stopwatch::time_point from_ = stopwatch::now();
  };

  /// What the device did of a unit, and what is left to do beside it.
  struct device_work {
    unit_result result;
    std::vector<std::function<std::vector<core::detection>()>> rests;
    encoded image;  ///< lives until the rests are done
  };

  device_work on_device(const core::unit_request& unit, const core::cancel_token& cancel) {
    device_work work;
    double ms = 0.0;
    try {
      work.result = run_or_throw(unit, cancel, work, ms);
    } catch (const std::bad_alloc&) {
      work.result = unit_failure{out_of_memory, true};
    } catch (const std::exception& e) {
      // Includes cv::Exception and store errors; their texts may hold paths, so none is passed on.
      const std::string_view what(e.what());
      spdlog::error("model: a unit failed: {}", what.substr(0, what.find('\n')));
      work.result = unit_failure{"The segmenter failed unexpectedly", true};
    } catch (...) {
      // The device worker must survive whatever a model library throws.
      work.result = unit_failure{"The segmenter failed unexpectedly", true};
    }
    if (std::holds_alternative<unit_failure>(work.result)) work.rests.clear();
    std::visit([ms](auto& ended) { ended.device_ms = ms; }, work.result);
    return work;
  }

  /// Appends what the rests make, and looks at all of it. Any thread.
  static void finish(device_work& work) {
    const double ms = core::device_ms_of(work.result);
    try {
      for (const auto& rest : work.rests) {
        auto more = rest();
        auto& all = std::get<unit_output>(work.result).detections;
        std::move(more.begin(), more.end(), std::back_inserter(all));
      }
      work.rests.clear();
      check_masks(work, ms);
    } catch (const std::exception&) {
      work.result = unit_failure{"The masks could not be finished", true, ms};
    }
  }

  /// A segmenter gone wrong must not store what no page and no export can lay over the image.
  static void check_masks(device_work& work, double ms) {
    const auto* output = std::get_if<unit_output>(&work.result);
    if (output == nullptr) return;
    const auto fit = [&](const auto& d) { return fits(d, work.image.size); };
    if (std::all_of(output->detections.begin(), output->detections.end(), fit)) return;
    spdlog::error("model: {} answered with a mask that is not of the image's {} x {} pixels",
                  output->model, work.image.size.width, work.image.size.height);
    work.result = unit_failure{"The segmenter answered with a mask of a wrong size", true, ms};
  }

  unit_result run_or_throw(const core::unit_request& unit, const core::cancel_token& cancel,
                           device_work& work, double& ms) {
    if (unit.blob_path.empty()) return unit_failure{image_deleted, false};
    if (const auto* cached = unit.sha256.empty() ? nullptr : encodings_.find(unit.sha256)) {
      work.image = *cached;
    } else {
      auto image = needs_pixels_ ? take_pixels(unit) : fetch_size(unit);
      if (!image.ok()) return failure_of(image.failure());
      if (cancel.cancelled()) return cancelled();
      auto made = encode(*image, cancel, ms);
      if (cancel.cancelled()) return cancelled();
      if (!made.ok()) return failure_of(made.failure());
      work.image = {*made, {(*image)->width, (*image)->height}};
      if (!unit.sha256.empty()) encodings_.put(unit.sha256, work.image, work.image.code->bytes());
    }
    if (cancel.cancelled()) return cancelled();
    unit_output output{{}, identity_, 0.0};
    const auto found = segment(unit.mode, unit.prompts, cancel, work, output, ms);
    if (cancel.cancelled()) return cancelled();
    if (!found.ok()) return failure_of(found.failure());
    return output;
  }

  /// With the cache's memory given back, when that is what was missing.
  outcome<std::shared_ptr<const core::encoding>> encode(const image_ptr& image,
                                                        const core::cancel_token& cancel,
                                                        double& ms) {
    const device_time running(ms);
    try {
      return segmenter_->encode(image, cancel);
    } catch (const std::bad_alloc&) {
      encodings_.clear();
      return segmenter_->encode(image, cancel);
    }
  }

  /// All prompts at once; when the memory is too small, the boxes of inside_box in halves: each
  /// has a detection of its own, so the parts put together are the same answer.
  core::status segment(core::segmentation_mode mode, const core::image_prompts& prompts,
                       const core::cancel_token& cancel, device_work& work, unit_output& output,
                       double& ms) {
    try {
      const device_time running(ms);
      auto found = segmenter_->segment_on_device(*work.image.code, mode, prompts, cancel);
      if (!found) return found.failure();
      take(std::move(*found), work, output);
      return core::done{};
    } catch (const std::bad_alloc&) {
      encodings_.clear();
      if (mode != core::segmentation_mode::inside_box || prompts.boxes.size() < 2) throw;
    }
    const auto middle =
        prompts.boxes.begin() + static_cast<std::ptrdiff_t>(prompts.boxes.size() / 2);
    auto half = prompts;
    half.boxes.assign(prompts.boxes.begin(), middle);
    if (auto first = segment(mode, half, cancel, work, output, ms); !first) return first;
    half.boxes.assign(middle, prompts.boxes.end());
    return segment(mode, half, cancel, work, output, ms);
  }

  /// The parts' order is kept: once one part has a rest, later ones wait for it.
  static void take(core::segmented found, device_work& work, unit_output& output) {
    if (found.rest) {
      work.rests.push_back(std::move(found.rest));
    } else if (work.rests.empty()) {
      std::move(found.detections.begin(), found.detections.end(),
                std::back_inserter(output.detections));
    } else {
      work.rests.push_back([all = std::move(found.detections)] { return all; });
    }
  }

  void drop_oldest_prepared() {
    prepared_.erase(prepared_order_.front());
    prepared_order_.pop_front();
  }

  /// Decoded ahead, where it was; else now.
  outcome<image_ptr> take_pixels(const core::unit_request& unit) {
    auto ahead = prepared_.extract(unit.sha256);
    if (ahead.empty()) return fetch_pixels(unit);
    std::erase(prepared_order_, unit.sha256);
    return ahead.mapped().get();
  }

  outcome<image_ptr> fetch_pixels(const core::unit_request& unit) {
    const auto bytes = blobs_.read(unit.blob_path);
    if (!bytes) return core::make_error(error_code::not_found, image_deleted);
    auto decoded = codec_.decode(*bytes);
    if (!decoded.ok()) return decoded.failure();
    return std::make_shared<const core::pixels>(std::move(*decoded));
  }

  outcome<image_ptr> fetch_size(const core::unit_request& unit) {
    if (const auto* known = unit.sha256.empty() ? nullptr : sizes_.find(unit.sha256))
      return sized(*known);
    for (const std::size_t count : {header_first_bytes, header_second_bytes, std::size_t{0}}) {
      const auto bytes =
          count > 0 ? blobs_.read_range(unit.blob_path, 0, count) : blobs_.read(unit.blob_path);
      if (!bytes) return core::make_error(error_code::not_found, image_deleted);
      const auto header = read_header(*bytes);
      if (header.ok()) {
        const auto size = oriented_size(*header);
        if (!unit.sha256.empty()) sizes_.put(unit.sha256, size, 1);
        return sized(size);
      }
      if (count == 0 || bytes->size() < count) return header.failure();
    }
    return not_an_image();
  }

  static std::shared_ptr<const core::pixels> sized(core::size s) {
    return std::make_shared<const core::pixels>(core::pixels{s.width, s.height, {}});
  }

  static unit_failure failure_of(const core::error& e) {
    return {e.detail, is_machines_fault(e.code)};
  }
  static unit_failure cancelled() { return {"Cancelled", true}; }

  std::unique_ptr<core::segmenter> segmenter_;
  std::string identity_;
  core::blob_store& blobs_;
  core::image_codec& codec_;
  lru<encoded> encodings_;
  lru<core::size> sizes_;
  bool needs_pixels_;
  std::unordered_map<std::string, std::future<outcome<image_ptr>>> prepared_;  ///< by content hash
  std::deque<std::string> prepared_order_;                                     ///< oldest first
  side_threads beside_{2};  ///< last: its tasks use what stands above
};

}  // namespace

std::unique_ptr<core::unit_runner> make_unit_runner(std::unique_ptr<core::segmenter> segmenter,
                                                    core::blob_store& blobs,
                                                    core::image_codec& codec,
                                                    std::size_t cache_bytes_max,
                                                    bool needs_pixels) {
  return std::make_unique<caching_runner>(std::move(segmenter), blobs, codec, cache_bytes_max,
                                          needs_pixels);
}

}  // namespace samovar::model
