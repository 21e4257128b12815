#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <memory>

#include "model/sam3/bf16_speed.hpp"
#include "model/sam3/half_kernels.hpp"
#include "model/sam3/half_products.hpp"

namespace samovar::model::sam3::half {
namespace {

/// Keys worked on together: the scores of a panel of queries take 27 KB then.
constexpr std::int64_t keys_at_once = 9 * panel_columns;
/// Queries for which a block of packed keys is used before the next one is fetched.
constexpr std::int64_t query_panels = 4, queries_at_once = query_panels * panel_rows;

const std::uint16_t* head_of(const at::Tensor& x, std::int64_t b, std::int64_t h) {
  return reinterpret_cast<const std::uint16_t*>(x.data_ptr<at::BFloat16>()) + b * x.stride(0) +
         h * x.stride(1);
}

/// Keys and values of every head, packed.
struct packed_heads {
  std::int64_t keys, size, panels;
  std::unique_ptr<std::uint16_t[]> key_values;  ///< [pair][panel][size][panel_columns]
  std::unique_ptr<std::uint16_t[]> value_rows;  ///< [pair][keys][panel_columns]
  std::unique_ptr<float[]> key_factors;         ///< [pair][panel * panel_columns]
  std::unique_ptr<float[]> value_factors;       ///< [pair]

  packed_heads(std::int64_t pairs, std::int64_t n, std::int64_t width)
      : keys(n),
        size(width),
        panels(panels_of(n, panel_columns)),
        key_values(std::make_unique_for_overwrite<std::uint16_t[]>(
            static_cast<std::size_t>(pairs * panels * panel_columns * width))),
        value_rows(std::make_unique_for_overwrite<std::uint16_t[]>(
            static_cast<std::size_t>(pairs * n * panel_columns))),
        key_factors(std::make_unique_for_overwrite<float[]>(
            static_cast<std::size_t>(pairs * panels * panel_columns))),
        value_factors(std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(pairs))) {}

  const std::uint16_t* key_panel(std::int64_t pair, std::int64_t panel) const {
    return key_values.get() + (pair * panels + panel) * panel_columns * size;
  }

  void fill(std::int64_t pair, const std::uint16_t* k, std::int64_t k_stride,
            const std::uint16_t* v, std::int64_t v_stride) {
    for (std::int64_t p = 0; p < panels; ++p) {
      const auto first = p * panel_columns, count = std::min(panel_columns, keys - first);
      pack_right(k + first * k_stride, k_stride, count, size,
                 key_values.get() + (pair * panels + p) * panel_columns * size,
                 key_factors.get() + (pair * panels + p) * panel_columns);
    }
    float most = 0.0F;
    for (std::int64_t i = 0; i < keys; ++i) most = std::max(most, largest(v + i * v_stride, size));
    const float scale = scale_for(most, side::right);
    value_factors[pair] = 1.0F / scale;
    pack_right_rows(v, v_stride, scale, size, keys, value_rows.get() + pair * keys * panel_columns);
  }
};

/// What one thread needs for some queries of one head.
struct workplace {
  std::array<std::uint32_t, left_words(queries_at_once, panel_columns)> queries;
  std::array<float, queries_at_once> query_factors;
  std::array<float, panel_rows * keys_at_once> scores;
  std::array<std::uint32_t, left_words(panel_rows, keys_at_once)> weights;
  std::array<float, queries_at_once * panel_columns> sums;
  std::array<softmax_state, query_panels> states;

  void begin(const std::uint16_t* q, std::int64_t stride, std::int64_t rows, std::int64_t size) {
    for (std::int64_t r = 0; r < rows; r += panel_rows)
      pack_left(q + r * stride, stride, std::min(panel_rows, rows - r), size,
                queries.data() + r * size, query_factors.data() + r);
    sums.fill(0.0F);
    for (auto& s : states) {
      std::fill_n(s.largest, panel_rows, -std::numeric_limits<float>::infinity());
      std::fill_n(s.sum, panel_rows, 0.0F);
    }
  }

  void take(const packed_heads& heads, std::int64_t pair, std::int64_t first_key,
            std::int64_t rows) {
    const auto keys = std::min(keys_at_once, heads.keys - first_key);
    std::array<float, panel_rows> value_factors;
    value_factors.fill(heads.value_factors[pair] / weight_scale);
    for (std::int64_t r = 0; r < rows; r += panel_rows) {
      scores.fill(0.0F);
      for (std::int64_t j = 0; j < keys; j += panel_columns)
        multiply(queries.data() + r * heads.size, query_factors.data() + r,
                 heads.key_panel(pair, (first_key + j) / panel_columns), heads.size,
                 scores.data() + j, keys_at_once);
      auto& state = states[static_cast<std::size_t>(r / panel_rows)];
      take_keys(scores.data(), keys_at_once, keys,
                heads.key_factors.get() + pair * heads.panels * panel_columns + first_key,
                1.0F / std::sqrt(static_cast<float>(heads.size)), state, weights.data());
      float* results = sums.data() + r * panel_columns;
      if (first_key > 0)
        for (std::int64_t i = 0; i < panel_rows; ++i)
          shrink(results + i * panel_columns, panel_columns, state.shrink[i]);
      multiply(weights.data(), value_factors.data(),
               heads.value_rows.get() + (pair * heads.keys + first_key) * panel_columns, keys,
               results, panel_columns);
    }
  }

  void end(std::uint16_t* out, std::int64_t stride, std::int64_t rows, std::int64_t size) {
    std::array<float, panel_columns> factors;
    for (std::int64_t r = 0; r < rows; ++r) {
      factors.fill(1.0F / states[static_cast<std::size_t>(r / panel_rows)].sum[r % panel_rows]);
      finish(sums.data() + r * panel_columns, factors.data(), nullptr, size, out + r * stride);
    }
  }
};

}  // namespace

bool takes_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const auto good = [](const at::Tensor& x) {
    return x.scalar_type() == at::kBFloat16 && x.device().is_cpu() && x.stride(3) == 1 &&
           x.size(3) <= panel_columns;
  };
  return good(q) && good(k) && good(v) && k.size(2) > 0 && q.size(3) == v.size(3) &&
         q.size(2) * k.size(2) >= 64 * 64 && bf16_in_half();
}

at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const auto batches = q.size(0), count = q.size(1), rows = q.size(2), size = q.size(3);
  const auto pairs = batches * count;
  TORCH_CHECK(k.size(0) == batches && v.size(0) == batches && k.size(1) == count &&
                  v.size(1) == count && k.size(2) == v.size(2) && k.size(3) == size &&
                  v.size(3) == size,
              "attention of other sizes");
  packed_heads packed(pairs, k.size(2), size);
  at::parallel_for(0, pairs, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i)
      packed.fill(i, head_of(k, i / count, i % count), k.stride(2),
                  head_of(v, i / count, i % count), v.stride(2));
  });
  at::Tensor result = at::empty({batches, rows, count, size}, q.options()).transpose(1, 2);
  auto* out = reinterpret_cast<std::uint16_t*>(result.data_ptr<at::BFloat16>());
  const auto blocks = panels_of(rows, queries_at_once);
  at::parallel_for(0, pairs * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    const auto place = std::make_unique_for_overwrite<workplace>();
    for (auto i = begin; i < end; ++i) {
      const auto pair = i / blocks, first = i % blocks * queries_at_once;
      const auto b = pair / count, h = pair % count;
      const auto n = std::min(queries_at_once, rows - first);
      place->begin(head_of(q, b, h) + first * q.stride(2), q.stride(2), n, size);
      for (std::int64_t key = 0; key < packed.keys; key += keys_at_once)
        place->take(packed, pair, key, n);
      place->end(out + b * result.stride(0) + h * result.stride(1) + first * result.stride(2),
                 result.stride(2), n, size);
    }
  });
  return result;
}

}  // namespace samovar::model::sam3::half
