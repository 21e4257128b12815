#include "model/sam3/finding.hpp"

#include <ATen/Parallel.h>

#include <algorithm>

#include "model/sam3/holes.hpp"
#include "model/sam3/preprocess.hpp"

namespace samovar::model::sam3 {
namespace {

/// Indices of the masks that stay, by falling score; then in the order of the queries again.
at::Tensor drop_overlapping(const at::Tensor& logits, const at::Tensor& scores, double overlap) {
  const at::Tensor on = (logits > 0).flatten(1).to(at::kFloat);
  const at::Tensor both = at::matmul(on, on.transpose(0, 1)).to(at::kCPU);
  const at::Tensor area = on.sum(1).to(at::kCPU);
  const at::Tensor order = scores.to(at::kCPU).argsort(0, /*descending=*/true);
  const auto* rank = order.data_ptr<std::int64_t>();
  const auto a = area.accessor<float, 1>();
  const auto b = both.accessor<float, 2>();
  std::vector<std::int64_t> kept;
  for (std::int64_t i = 0; i < order.size(0); ++i) {
    bool free = true;
    for (const auto k : kept) {
      const float either = a[rank[i]] + a[k] - b[rank[i]][k];
      free = free && b[rank[i]][k] <= static_cast<float>(overlap) * either;
    }
    if (free) kept.push_back(rank[i]);
  }
  std::sort(kept.begin(), kept.end());
  return at::tensor(kept, at::kLong);
}

/// Resized logits of one piece at a time.
constexpr std::int64_t resized_bytes_max = 256 << 20;

/// [k, width, height] logits -> [k, width, ceil(height/8)] bytes on the same device.
at::Tensor bits_of(const at::Tensor& logits) {
  const auto height = logits.size(2), bytes = (height + 7) / 8;
  if (logits.device().is_cpu()) {
    const at::Tensor values = logits.contiguous();
    at::Tensor out = at::zeros({logits.size(0), logits.size(1), bytes}, at::kByte);
    const auto* from = values.data_ptr<float>();
    auto* to = out.data_ptr<std::uint8_t>();
    at::parallel_for(0, logits.size(0) * logits.size(1), 64, [=](auto begin, auto end) {
      for (auto column = begin; column < end; ++column)
        for (std::int64_t y = 0; y < height; ++y)
          if (from[column * height + y] > 0.0F)
            to[column * bytes + y / 8] |= static_cast<std::uint8_t>(1 << y % 8);
    });
    return out;
  }
  const at::Tensor on = at::constant_pad_nd((logits > 0).to(at::kByte), {0, 8 * bytes - height});
  const at::Tensor places =
      at::bitwise_left_shift(at::ones({8}, on.options()), at::arange(8, on.options()));
  return (on.view({on.size(0), on.size(1), bytes, 8}) * places).sum(-1, false, at::kByte);
}

}  // namespace

at::Tensor packed_masks(const at::Tensor& logits, std::int64_t height, std::int64_t width) {
  const at::Tensor columns = logits.transpose(1, 2).contiguous();
  const auto n = logits.size(0);
  const auto at_once = std::clamp<std::int64_t>(resized_bytes_max / (4 * height * width), 1, 1024);
  std::vector<at::Tensor> parts;
  for (std::int64_t i = 0; i < n; i += at_once) {
    const at::Tensor piece = columns.narrow(0, i, std::min(at_once, n - i));
    parts.push_back(bits_of(resize_logits(piece, width, height)).to(at::kCPU));
  }
  if (parts.empty()) return at::zeros({0, width, (height + 7) / 8}, at::kByte);
  return parts.size() == 1 ? parts.front() : at::cat(parts, 0);
}

std::vector<instances> find_instances(const network& net, const detector_features& image,
                                      const grounding& g, std::int64_t height, std::int64_t width,
                                      const finding_options& o) {
  const at::Tensor scores = g.scores();
  const at::Tensor kept = (scores > o.threshold).to(at::kCPU);
  const at::Tensor size =
      upload(at::tensor({static_cast<float>(width), static_cast<float>(height),
                         static_cast<float>(width), static_cast<float>(height)}),
             net.device);
  std::vector<instances> out;
  for (std::int64_t p = 0; p < scores.size(0); ++p) {
    const at::Tensor which = upload(kept[p].nonzero().squeeze(1), net.device);
    const at::Tensor boxes = g.boxes[p].index_select(0, which);
    const at::Tensor centre = boxes.narrow(1, 0, 2), half = boxes.narrow(1, 2, 2) * 0.5;
    instances found{
        scores[p].index_select(0, which), at::cat({centre - half, centre + half}, 1) * size, {}};
    const auto side = net.sizes.low_resolution();
    if (which.size(0) == 0) {
      found.logits = at::zeros({0, side, side}, scores.options());
    } else {
      const auto level = [&](std::size_t i) {
        return image[i].size(0) == 1 ? image[i] : image[i].narrow(0, p, 1);
      };
      const prompt_tokens prompt{g.prompt.tokens.narrow(0, p, 1), g.prompt.padding.narrow(0, p, 1),
                                 g.prompt.bias.narrow(0, p, 1)};
      const at::Tensor pixels =
          net.segment.pixels(g.memory.narrow(0, p, 1), level(0), level(1), prompt, {});
      found.logits =
          net.segment.masks(pixels, g.queries[p].index_select(0, which).unsqueeze(0), {})[0];
      if (o.mask_overlap < 1.0) {
        const at::Tensor stay =
            drop_overlapping(found.logits, found.scores, o.mask_overlap).to(net.device);
        found = {found.scores.index_select(0, stay), found.boxes.index_select(0, stay),
                 found.logits.index_select(0, stay)};
      }
    }
    out.push_back(std::move(found));
  }
  return out;
}

at::Tensor without_holes(const at::Tensor& logits, const options& o) {
  at::Tensor filled = logits.to(at::kCPU, at::kFloat, false, /*copy=*/true).contiguous();
  const auto h = filled.size(-2), w = filled.size(-1);
  auto* data = filled.data_ptr<float>();
  for (std::int64_t i = 0; i < filled.numel() / (h * w); ++i)
    fill_holes(data + i * h * w, h, w, o.hole_area_max);
  return filled;
}

}  // namespace samovar::model::sam3
