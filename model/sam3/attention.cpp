#include "model/sam3/attention.hpp"

#include <algorithm>
#include <cmath>

#include "model/sam3/half_products.hpp"

#if __has_include(<ATen/ops/scaled_dot_product_attention.h>)
#define SAMOVAR_FUSED_ATTENTION 1
#endif

namespace samovar::model::sam3 {
namespace {

/// Scores held at a time. More than 32 MB would be new pages from the system each time (glibc's
/// largest threshold for them), less stays in a cache.
constexpr std::int64_t piece_bytes_max = 12 << 20;

/// Part of a bias that may have size 1 on its axes.
at::Tensor part(const at::Tensor& bias, std::int64_t axis, std::int64_t begin, std::int64_t count) {
  return bias.size(axis) == 1 ? bias : bias.narrow(axis, begin, count);
}

}  // namespace

at::Tensor attention_in_pieces(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               const at::Tensor& bias) {
  const auto batches = q.size(0), heads = q.size(1), rows = q.size(2);
  const at::Tensor scaled = q * (1.0 / std::sqrt(static_cast<double>(q.size(3))));
  const at::Tensor added =
      bias.defined() ? bias.to(q.scalar_type()).expand({batches, -1, -1, -1}) : bias;
  at::Tensor out = at::empty({batches, rows, heads, v.size(3)}, q.options()).transpose(1, 2);
  const auto row_bytes =
      std::max<std::int64_t>(1, k.size(2) * static_cast<std::int64_t>(q.element_size()));
  const auto rows_at_once =
      std::clamp<std::int64_t>(piece_bytes_max / row_bytes, 1, std::max<std::int64_t>(rows, 1));
  const auto heads_at_once = std::clamp<std::int64_t>(
      piece_bytes_max / (row_bytes * std::max<std::int64_t>(rows, 1)), 1, heads);
  for (std::int64_t b = 0; b < batches; ++b) {
    for (std::int64_t h = 0; h < heads; h += heads_at_once) {
      const auto hs = std::min(heads_at_once, heads - h);
      const at::Tensor keys = k[b].narrow(0, h, hs).transpose(1, 2);
      const at::Tensor values = v[b].narrow(0, h, hs);
      for (std::int64_t r = 0; r < rows; r += rows_at_once) {
        const auto rs = std::min(rows_at_once, rows - r);
        at::Tensor scores = at::bmm(scaled[b].narrow(0, h, hs).narrow(1, r, rs), keys);
        if (added.defined()) scores.add_(part(part(added[b], 0, h, hs), 1, r, rs));
        out[b].narrow(0, h, hs).narrow(1, r, rs).copy_(at::bmm(at::softmax(scores, -1), values));
      }
    }
  }
  return out;
}

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                     const at::Tensor& bias) {
#ifdef SAMOVAR_FUSED_ATTENTION
  if (bias.defined()) return at::scaled_dot_product_attention(q, k, v, bias.to(q.scalar_type()));
  return at::scaled_dot_product_attention(q, k, v);
#else
  if (!bias.defined() && half::takes_attention(q, k, v)) return half::attention(q, k, v);
  return attention_in_pieces(q, k, v, bias);
#endif
}

}  // namespace samovar::model::sam3
