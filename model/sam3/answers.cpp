#include "model/sam3/answers.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <iterator>

#include "model/sam3/finding.hpp"
#include "model/sam3/runs.hpp"

namespace samovar::model::sam3 {
namespace {

constexpr std::int64_t packed_bytes_max = 128 << 20;

}  // namespace

void stop_if(const core::cancel_token& cancel) {
  if (cancel.cancelled()) throw cancelled{};
}

void append(std::vector<core::detection>& out, const at::Tensor& logits, const at::Tensor& scores,
            core::size image, const core::cancel_token& cancel) {
  const auto n = logits.size(0);
  const at::Tensor kept = scores.to(at::kCPU, at::kFloat).contiguous();
  const auto* score = kept.data_ptr<float>();
  const auto column = (image.height + 7) / 8, bytes = image.width * column;
  const auto at_once = std::clamp<std::int64_t>(packed_bytes_max / bytes, 1, 256);
  for (std::int64_t begin = 0; begin < n; begin += at_once) {
    stop_if(cancel);
    const auto count = std::min(at_once, n - begin);
    const at::Tensor packed =
        packed_masks(logits.narrow(0, begin, count), image.height, image.width).contiguous();
    const auto* bits = packed.data_ptr<std::uint8_t>();
    std::vector<core::detection> found(static_cast<std::size_t>(count));
    at::parallel_for(0, count, 1, [&](auto first, auto last) {
      for (auto i = first; i < last; ++i)
        found[static_cast<std::size_t>(i)] =
            core::make_detection(runs_of(bits + i * bytes, image.height, image.width),
                                 std::clamp(static_cast<double>(score[begin + i]), 0.0, 1.0));
    });
    std::move(found.begin(), found.end(), std::back_inserter(out));
  }
}

void append_filled(std::vector<core::detection>& out, const mask_choice& best, const network& net,
                   core::size image, const core::cancel_token& cancel) {
  const at::Tensor filled = without_holes(best.masks, net.sizes).select(1, 0);
  // Filling is the CPU's; resizing is faster where the network is.
  append(out, upload(filled, net.device), best.ious.select(1, 0), image, cancel);
}

}  // namespace samovar::model::sam3
