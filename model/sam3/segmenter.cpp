#include "model/sam3/segmenter.hpp"

#include <c10/core/DeviceGuard.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <algorithm>
#include <unordered_map>

#include "core/limits.hpp"
#include "model/sam3/answers.hpp"
#include "model/sam3/concepts.hpp"
#include "model/sam3/description.hpp"
#include "model/sam3/finding.hpp"
#include "model/sam3/memory.hpp"
#include "model/sam3/preprocess.hpp"
#include "model/sam3/shared_network.hpp"
#include "model/sam3/threads.hpp"

namespace samovar::model::sam3 {
namespace {

using core::error_code;
using core::make_error;

constexpr std::size_t texts_kept_max = 256;
/// The id of "visual", the word that stands for exemplars alone, in the released vocabulary; known
/// here so that exemplars work without one.
constexpr std::int64_t released_entries = 49408, released_visual = 7195;

class sam3_encoding final : public core::encoding {
 public:
  sam3_encoding(core::size image, detector_features detector, interactive_features clicks)
      : image_size(image), detector(std::move(detector)), clicks(std::move(clicks)) {}
  std::size_t bytes() const override {
    std::size_t sum = clicks.embedding.nbytes() + clicks.middle.nbytes() + clicks.fine.nbytes();
    for (const auto& level : detector) sum += level.nbytes();
    return sum;
  }
  core::size image_size;
  detector_features detector;
  interactive_features clicks;
};

at::ScalarType scalar_type_of(const std::string& name) {
  if (name == "bf16") return at::kBFloat16;
  return name == "fp16" ? at::kHalf : at::kFloat;
}

at::Device device_of(const std::string& name) {
  if (!name.starts_with("cuda")) return at::kCPU;
  const auto device = at::Device(name);
  return {device.type(), device.has_index() ? device.index() : at::DeviceIndex{0}};
}

class sam3_segmenter final : public core::segmenter {
 public:
  explicit sam3_segmenter(const segmenter_settings& s);

  std::string identity() const override { return identity_; }
  core::segmenter_abilities abilities() const override { return abilities_; }
  core::outcome<std::shared_ptr<const core::encoding>> encode(
      std::shared_ptr<const core::pixels> image, const core::cancel_token& cancel) override;
  core::outcome<std::vector<core::detection>> segment(const core::encoding& image,
                                                      core::segmentation_mode mode,
                                                      const core::image_prompts& prompts,
                                                      const core::cancel_token& cancel) override;

 private:
  using detections = std::vector<core::detection>;
  /// Runs `work` with this thread set up for the network. Throws out_of_memory, whatever way
  /// LibTorch said it.
  template <class Result, class Work>
  core::outcome<Result> guarded(Work work);

  at::Tensor picture(const core::pixels& image) const;
  detections inside_boxes(const sam3_encoding& image, const core::image_prompts& prompts,
                          const core::cancel_token& cancel);
  detections at_points(const sam3_encoding& image, const core::image_prompts& prompts,
                       const core::cancel_token& cancel);
  core::outcome<detections> find_all(const sam3_encoding& image, const core::image_prompts& prompts,
                                     const core::cancel_token& cancel);
  core::outcome<at::Tensor> ids_of(const std::string& words) const;
  core::outcome<std::vector<text_features>> read(const concept_group& group);
  void ground(const sam3_encoding& image, const concept_group& group,
              const std::vector<text_features>& words, const core::cancel_token& cancel,
              detections& out);

  segmenter_settings settings_;
  std::string identity_;
  core::segmenter_abilities abilities_;
  std::optional<tokenizer> words_;
  std::shared_ptr<const network> net_;
  std::unordered_map<std::string, text_features> texts_;
  std::int64_t boxes_at_once_ = 1, concepts_at_once_ = 1;
};

template <class T>
T or_throw(core::outcome<T> o) {
  if (!o) throw std::runtime_error(o.failure().detail);
  return std::move(o).value();
}

sam3_segmenter::sam3_segmenter(const segmenter_settings& s) : settings_(s) {
  const auto device = device_of(s.device);
  if (device.is_cuda() && device.index() >= cuda_devices())
    throw std::runtime_error(
        s.device + ": " +
        (cuda_devices() < 0 ? "this LibTorch was built without CUDA" : "there is no such device"));
  const auto type = compute_type_of(s);
  if (type == "fp16" && device.is_cpu())
    throw std::runtime_error("model.dtype: fp16 needs a CUDA device");
  set_cpu_threads(s.threads);
  const auto c = or_throw(open_checkpoint_of(s));
  words_ = or_throw(open_vocabulary_of(s, c.sizes));
  abilities_ = abilities_of(words_);
  identity_ = identity_of(c, type);
  const c10::DeviceGuard here(device);
  try {
    net_ = shared_network(c, identity_, device, scalar_type_of(type));
  } catch (const std::exception& e) {
    if (!is_out_of_memory(e)) throw;
    throw std::runtime_error("there is not enough memory for the model on " + s.device);
  }
  boxes_at_once_ = s.boxes_at_once > 0 ? s.boxes_at_once : device.is_cpu() ? 8 : 32;
  concepts_at_once_ = s.concepts_at_once > 0 ? s.concepts_at_once : device.is_cpu() ? 1 : 4;
}

template <class Result, class Work>
core::outcome<Result> sam3_segmenter::guarded(Work work) {
  // LibTorch's number of threads belongs to the calling thread.
  thread_local int threads_set = -1;
  if (threads_set != settings_.threads) {
    set_cpu_threads(settings_.threads);
    threads_set = settings_.threads;
  }
  const c10::InferenceMode no_gradients;
  const c10::DeviceGuard here(net_->device);
  try {
    return work();
  } catch (const cancelled&) {
    return make_error(error_code::unavailable, "Cancelled.");
  } catch (const std::exception& e) {
    if (!is_out_of_memory(e)) throw;
    throw out_of_memory();
  }
}

/// BGR as decoded -> RGB on the device.
at::Tensor sam3_segmenter::picture(const core::pixels& image) const {
  // LibTorch has no view of const bytes; nothing writes to it.
  auto* data = const_cast<std::uint8_t*>(image.data.data());
  const at::Tensor bgr = at::from_blob(data, {image.height, image.width, 3}, at::kByte);
  return (net_->device.is_cpu() ? bgr : upload(bgr, net_->device)).flip(2);
}

core::outcome<std::shared_ptr<const core::encoding>> sam3_segmenter::encode(
    std::shared_ptr<const core::pixels> image, const core::cancel_token& cancel) {
  if (image->width <= 0 || image->height <= 0 ||
      image->data.size() != std::size_t{3} * static_cast<std::size_t>(image->width) *
                                static_cast<std::size_t>(image->height))
    return make_error(error_code::internal, "The image's pixels are missing.");
  using result = std::shared_ptr<const core::encoding>;
  return guarded<result>([&]() -> core::outcome<result> {
    stop_if(cancel);
    const at::Tensor seen = preprocess(picture(*image), net_->sizes);
    const at::Tensor trunk = net_->vision(seen, {}, [&] { stop_if(cancel); });
    stop_if(cancel);
    auto detector = net_->detector_levels(trunk);
    stop_if(cancel);
    return result(std::make_shared<sam3_encoding>(core::size{image->width, image->height},
                                                  std::move(detector),
                                                  net_->interactive_levels(trunk)));
  });
}

std::vector<core::detection> sam3_segmenter::inside_boxes(const sam3_encoding& image,
                                                          const core::image_prompts& prompts,
                                                          const core::cancel_token& cancel) {
  std::vector<float> corners;
  for (const auto& b : prompts.boxes) {
    if (b.type != core::prompt_type::segment) continue;
    const auto& a = b.area;
    for (const auto v : {a.x, a.y, a.x + a.width, a.y + a.height})
      corners.push_back(static_cast<float>(v));
  }
  const auto total = static_cast<std::int64_t>(corners.size() / 4);
  const at::Tensor boxes = at::tensor(corners).view({total, 4});
  detections out;
  in_chunks(total, boxes_at_once_, [&](std::int64_t begin, std::int64_t count) {
    stop_if(cancel);
    clicks asked;
    asked.boxes = boxes.narrow(0, begin, count);
    const auto [w, h] = image.image_size;
    const auto best = net_->click_masks.choose_one(net_->click(image.clicks, asked, h, w), {});
    stop_if(cancel);
    detections found;
    append_filled(found, best, *net_, image.image_size, cancel);
    std::move(found.begin(), found.end(), std::back_inserter(out));
  });
  return out;
}

std::vector<core::detection> sam3_segmenter::at_points(const sam3_encoding& image,
                                                       const core::image_prompts& prompts,
                                                       const core::cancel_token& cancel) {
  std::vector<float> places;
  std::vector<std::int64_t> labels;
  for (const auto& p : prompts.points) {
    places.push_back(static_cast<float>(p.at.x));
    places.push_back(static_cast<float>(p.at.y));
    labels.push_back(p.is_positive ? 1 : 0);
  }
  const auto n = static_cast<std::int64_t>(labels.size());
  if (n == 0) return {};
  clicks asked;
  asked.points = at::tensor(places).view({1, n, 2});
  asked.labels = at::tensor(labels, at::kLong).view({1, n});
  const auto [w, h] = image.image_size;
  const auto candidates = net_->click(image.clicks, asked, h, w);
  stop_if(cancel);
  mask_choice best;
  if (n == 1) {
    best = net_->click_masks.choose_several(candidates);
    const auto k = best.ious[0].argmax().item<std::int64_t>();
    best = {best.masks.narrow(1, k, 1), best.ious.narrow(1, k, 1)};
  } else {
    best = net_->click_masks.choose_one(candidates, {});
  }
  detections out;
  append_filled(out, best, *net_, image.image_size, cancel);
  return out;
}

core::outcome<at::Tensor> sam3_segmenter::ids_of(const std::string& words) const {
  const auto context = static_cast<std::size_t>(net_->sizes.context);
  std::vector<std::int64_t> ids(context, 0);
  if (words_) {
    auto found = words_->ids(words.empty() ? "visual" : words, context);
    if (!found) return found.failure();
    ids = std::move(*found);
  } else {
    if (net_->sizes.vocabulary != released_entries)
      return make_error(error_code::unsupported_prompt,
                        "This model needs its vocabulary (setting model.vocabulary) for exemplars "
                        "too.");
    ids[0] = released_entries - 2;
    ids[1] = released_visual;
    ids[2] = released_entries - 1;
  }
  return at::tensor(ids, at::kLong).unsqueeze(0);
}

/// The text encoder's answer for each of the group's concepts, kept by text.
core::outcome<std::vector<text_features>> sam3_segmenter::read(const concept_group& group) {
  std::vector<text_features> out;
  for (const auto& words : group.words) {
    auto known = texts_.find(words);
    if (known == texts_.end()) {
      const auto ids = ids_of(words);
      if (!ids) return ids.failure();
      if (texts_.size() >= texts_kept_max) texts_.clear();
      known = texts_.emplace(words, net_->text(upload(*ids, net_->device), {})).first;
    }
    out.push_back(known->second);
  }
  return out;
}

/// The group's exemplars for `count` prompts.
geometry_prompt examples_for(const concept_group& group, core::size image, std::int64_t count) {
  geometry_prompt out;
  out.batch = count;
  if (group.examples.empty()) return out;
  std::vector<float> places;
  std::vector<std::int64_t> labels;
  for (const auto& e : group.examples) {
    const auto& a = e.area;
    const auto w = static_cast<float>(image.width), h = static_cast<float>(image.height);
    const auto bw = static_cast<float>(a.width), bh = static_cast<float>(a.height);
    for (const float v : {(static_cast<float>(a.x) + bw / 2) / w,
                          (static_cast<float>(a.y) + bh / 2) / h, bw / w, bh / h})
      places.push_back(v);
    labels.push_back(e.type == core::prompt_type::positive_exemplar ? 1 : 0);
  }
  const auto n = static_cast<std::int64_t>(labels.size());
  out.boxes = at::tensor(places).view({1, n, 4}).repeat({count, 1, 1});
  out.box_labels = at::tensor(labels, at::kLong).view({1, n}).repeat({count, 1});
  return out;
}

void sam3_segmenter::ground(const sam3_encoding& image, const concept_group& group,
                            const std::vector<text_features>& words,
                            const core::cancel_token& cancel, detections& out) {
  finding_options rules;
  rules.threshold = settings_.score_min;
  rules.mask_overlap = settings_.overlap_max;
  const auto [w, h] = image.image_size;
  in_chunks(static_cast<std::int64_t>(words.size()), concepts_at_once_,
            [&](std::int64_t begin, std::int64_t count) {
              stop_if(cancel);
              std::vector<at::Tensor> features, padding;
              for (auto i = begin; i < begin + count; ++i) {
                features.push_back(words[static_cast<std::size_t>(i)].features);
                padding.push_back(words[static_cast<std::size_t>(i)].padding);
              }
              const auto g =
                  net_->ground(image.detector, {at::cat(features, 0), at::cat(padding, 0)},
                               examples_for(group, image.image_size, count));
              stop_if(cancel);
              detections found;
              for (const auto& i : find_instances(*net_, image.detector, g, h, w, rules))
                append(found, i.logits, i.scores, image.image_size, cancel);
              std::move(found.begin(), found.end(), std::back_inserter(out));
            });
}

core::outcome<std::vector<core::detection>> sam3_segmenter::find_all(
    const sam3_encoding& image, const core::image_prompts& prompts,
    const core::cancel_token& cancel) {
  const auto groups = concepts_of(prompts, abilities_.text_unavailable_reason);
  if (!groups) return groups.failure();
  detections out;
  for (const auto& group : *groups) {
    stop_if(cancel);
    const auto words = read(group);
    if (!words) return words.failure();
    ground(image, group, *words, cancel, out);
  }
  std::erase_if(out, [&](const auto& d) { return d.area < settings_.area_min; });
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.score > b.score; });
  if (out.size() > core::limits::detections_per_image_max)
    out.resize(core::limits::detections_per_image_max);
  return out;
}

core::outcome<std::vector<core::detection>> sam3_segmenter::segment(
    const core::encoding& image, core::segmentation_mode mode, const core::image_prompts& prompts,
    const core::cancel_token& cancel) {
  const auto& seen = dynamic_cast<const sam3_encoding&>(image);
  return guarded<detections>([&]() -> core::outcome<detections> {
    stop_if(cancel);
    switch (mode) {
      case core::segmentation_mode::inside_box: return inside_boxes(seen, prompts, cancel);
      case core::segmentation_mode::point: return at_points(seen, prompts, cancel);
      case core::segmentation_mode::find_all: return find_all(seen, prompts, cancel);
    }
    throw std::logic_error("a mode without a name");
  });
}

}  // namespace

std::unique_ptr<core::segmenter> make_segmenter(const segmenter_settings& s) {
  return std::make_unique<sam3_segmenter>(s);
}

int cuda_devices() {
  if (!c10::impl::hasDeviceGuardImpl(c10::DeviceType::CUDA)) return -1;
  return c10::impl::getDeviceGuardImpl(c10::DeviceType::CUDA)->deviceCount();
}

}  // namespace samovar::model::sam3
