#include "model/synthetic.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <new>
#include <stdexcept>
#include <thread>

namespace samovar::model {

namespace {

using clock = std::chrono::steady_clock;

struct sized final : core::encoding {
  explicit sized(core::size s) : image(s) {}
  std::size_t bytes() const override { return sizeof(sized); }
  core::size image;
};

/// Runs straight from the ellipse's equation: no raster is made.
core::rle ellipse(core::size image, double cx, double cy, double rx, double ry) {
  core::rle mask{image.height, image.width, {}};
  std::uint64_t at = 0;  // pixels written
  const auto emit = [&](std::uint64_t from, std::uint64_t count) {
    if (count == 0) return;
    const auto zeros = from - at;
    if (zeros == 0 && !mask.counts.empty()) {
      mask.counts.back() += static_cast<std::uint32_t>(count);
    } else {
      mask.counts.push_back(static_cast<std::uint32_t>(zeros));
      mask.counts.push_back(static_cast<std::uint32_t>(count));
    }
    at = from + count;
  };
  const auto h = static_cast<std::uint64_t>(image.height);
  for (std::int32_t x = 0; x < image.width; ++x) {
    const double dx = (x + 0.5 - cx) / rx;
    if (std::abs(dx) >= 1.0) continue;
    const double half = ry * std::sqrt(1.0 - dx * dx);
    const auto top = std::clamp(std::ceil(cy - half - 0.5), 0.0, static_cast<double>(h));
    const auto end = std::clamp(std::floor(cy + half - 0.5) + 1.0, top, static_cast<double>(h));
    emit(static_cast<std::uint64_t>(x) * h + static_cast<std::uint64_t>(top),
         static_cast<std::uint64_t>(end - top));
  }
  const auto total = h * static_cast<std::uint64_t>(image.width);
  if (at < total) mask.counts.push_back(static_cast<std::uint32_t>(total - at));
  return mask;
}

core::rle ellipse_in(core::size image, const core::box& b) {
  const double rx = std::max(0.5, b.width / 2.0);
  const double ry = std::max(0.5, b.height / 2.0);
  return ellipse(image, b.x + rx, b.y + ry, rx, ry);
}

// Falls slowly with the position, so that an order by score is the order asked.
double score_of(std::size_t i) { return std::max(0.5, 0.95 - 0.01 * static_cast<double>(i)); }

class synthetic_segmenter final : public core::segmenter {
 public:
  explicit synthetic_segmenter(const synthetic_config& config) : config_(config) {}

  std::string identity() const override { return "synthetic/1"; }
  core::segmenter_abilities abilities() const override { return {true, true, {}}; }

  core::outcome<std::shared_ptr<const core::encoding>> encode(
      std::shared_ptr<const core::pixels> image, const core::cancel_token&) override {
    return std::shared_ptr<const core::encoding>(
        std::make_shared<sized>(core::size{image->width, image->height}));
  }

  core::outcome<std::vector<core::detection>> segment(const core::encoding& image,
                                                      core::segmentation_mode mode,
                                                      const core::image_prompts& prompts,
                                                      const core::cancel_token& cancel) override {
    const auto started = clock::now();
    ++calls_;
    const auto due = [&](int n) { return n > 0 && calls_ % static_cast<std::uint64_t>(n) == 0; };
    if (due(config_.hang_every_n))
      std::this_thread::sleep_for(std::chrono::milliseconds(config_.hang_ms));
    if (due(config_.throw_every_n)) throw std::runtime_error("synthetic segmenter: injected throw");
    if (due(config_.fail_every_n))
      return core::make_error(core::error_code::internal, "Injected failure.");
    if (config_.boxes_max > 0 && prompts.boxes.size() > config_.boxes_max) throw std::bad_alloc();
    auto size = dynamic_cast<const sized&>(image).image;
    if (due(config_.wrong_size_every_n)) ++size.width;
    auto found = masks(size, mode, prompts);
    if (!spend(started, cancel))
      return core::make_error(core::error_code::unavailable, "Cancelled.");
    return found;
  }

 private:
  /// Sleeps to the deadline in slices; false when cancelled.
  bool spend(clock::time_point started, const core::cancel_token& cancel) const {
    const auto end = started + std::chrono::duration_cast<clock::duration>(
                                   std::chrono::duration<double, std::milli>(config_.cost_ms));
    while (!cancel.cancelled()) {
      const auto now = clock::now();
      if (now >= end) return true;
      std::this_thread::sleep_until(std::min(end, now + std::chrono::milliseconds(50)));
    }
    return false;
  }

  static std::vector<core::detection> masks(core::size image, core::segmentation_mode mode,
                                            const core::image_prompts& prompts) {
    std::vector<core::detection> out;
    const auto add = [&](core::rle mask) {
      out.push_back(core::make_detection(std::move(mask), score_of(out.size())));
    };
    if (mode == core::segmentation_mode::point) {
      add(around_points(image, prompts.points));
      return out;
    }
    const auto wanted = mode == core::segmentation_mode::inside_box
                            ? core::prompt_type::segment
                            : core::prompt_type::positive_exemplar;
    for (const auto& b : prompts.boxes)
      if (b.type == wanted) add(ellipse_in(image, b.area));
    if (mode == core::segmentation_mode::find_all && out.empty())
      for (int i = 0; i < 3; ++i)
        add(ellipse(image, image.width * (2 * i + 1) / 6.0, image.height / 2.0,
                    std::max(0.5, image.width / 8.0), std::max(0.5, image.height / 4.0)));
    return out;
  }

  static core::rle around_points(core::size image, const std::vector<core::point_prompt>& points) {
    double x = 0, y = 0, n = 0;
    for (const auto& p : points) {
      if (!p.is_positive) continue;
      x += p.at.x + 0.5;
      y += p.at.y + 0.5;
      n += 1;
    }
    if (n == 0) return ellipse(image, -1, -1, 0.5, 0.5);  // nothing wanted: an empty mask
    const double r = std::max(0.5, std::min(image.width, image.height) / 8.0);
    return ellipse(image, x / n, y / n, r, r);
  }

  synthetic_config config_;
  std::uint64_t calls_ = 0;
};

}  // namespace

std::unique_ptr<core::segmenter> make_synthetic_segmenter(const synthetic_config& config) {
  return std::make_unique<synthetic_segmenter>(config);
}

std::unique_ptr<core::segmenter> make_synthetic_segmenter(double cost_ms) {
  return make_synthetic_segmenter(synthetic_config{cost_ms});
}

}  // namespace samovar::model
