#include "model/unit_runner.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <list>
#include <new>
#include <unordered_map>

#include "model/header.hpp"

namespace samovar::model {

using core::error_code;
using core::outcome;
using core::unit_failure;
using core::unit_output;

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

using encoded = std::shared_ptr<const core::encoding>;

bool is_machines_fault(error_code code) {
  return code == error_code::internal || code == error_code::unavailable;
}

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

  std::variant<unit_output, unit_failure> run(const core::unit_request& unit,
                                              const core::cancel_token& cancel) override {
    try {
      return run_or_throw(unit, cancel);
    } catch (const std::bad_alloc&) {
      return unit_failure{"Not enough memory for this image just now", true};
    } catch (const std::exception& e) {
      // Includes cv::Exception and store errors; their texts may hold paths, so none is passed on.
      const std::string_view what(e.what());
      spdlog::error("unit_runner caught: {}", what.substr(0, what.find('\n')));
      return unit_failure{"The segmenter failed unexpectedly", true};
    } catch (...) {
      // The device worker must survive whatever a model library throws.
      return unit_failure{"The segmenter failed unexpectedly", true};
    }
  }

 private:
  using stopwatch = std::chrono::steady_clock;

  std::variant<unit_output, unit_failure> run_or_throw(const core::unit_request& unit,
                                                       const core::cancel_token& cancel) {
    if (unit.blob_path.empty()) return unit_failure{image_deleted, false};
    double ms = 0.0;
    encoded code;
    if (const auto* cached = unit.sha256.empty() ? nullptr : encodings_.find(unit.sha256)) {
      code = *cached;
    } else {
      auto image = needs_pixels_ ? fetch_pixels(unit) : fetch_size(unit);
      if (!image.ok()) return failure_of(image.failure());
      if (cancel.cancelled()) return cancelled();
      const auto t0 = stopwatch::now();
      auto made = segmenter_->encode(*image, cancel);
      ms += since(t0);
      if (cancel.cancelled()) return cancelled();
      if (!made.ok()) return failure_of(made.failure());
      code = *made;
      if (!unit.sha256.empty()) encodings_.put(unit.sha256, code, code->bytes());
    }
    if (cancel.cancelled()) return cancelled();
    const auto t0 = stopwatch::now();
    auto found = segmenter_->segment(*code, unit.mode, unit.prompts, cancel);
    ms += since(t0);
    if (cancel.cancelled()) return cancelled();
    if (!found.ok()) return failure_of(found.failure());
    return unit_output{std::move(*found), identity_, ms};
  }

  outcome<std::shared_ptr<const core::pixels>> fetch_pixels(const core::unit_request& unit) {
    const auto bytes = blobs_.read(unit.blob_path);
    if (!bytes) return core::make_error(error_code::not_found, image_deleted);
    auto decoded = codec_.decode(*bytes);
    if (!decoded.ok()) return decoded.failure();
    return std::make_shared<const core::pixels>(std::move(*decoded));
  }

  outcome<std::shared_ptr<const core::pixels>> fetch_size(const core::unit_request& unit) {
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
  static double since(stopwatch::time_point t0) {
    return std::chrono::duration<double, std::milli>(stopwatch::now() - t0).count();
  }

  std::unique_ptr<core::segmenter> segmenter_;
  std::string identity_;
  core::blob_store& blobs_;
  core::image_codec& codec_;
  lru<encoded> encodings_;
  lru<core::size> sizes_;
  bool needs_pixels_;
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
