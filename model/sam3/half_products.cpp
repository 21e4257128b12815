#include "model/sam3/half_products.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>

#include "model/sam3/bf16_speed.hpp"
#include "model/sam3/half_kernels.hpp"

namespace samovar::model::sam3::half {
namespace {

/// Rows of the left factor that are worked on together: with 1024 values each they are 0.4 MB when
/// packed, so that they, a panel of the right factor and the sums fit a core's second cache.
constexpr std::int64_t rows_at_once = 96;
/// Columns between the two products of a feed-forward network that are worked on together.
constexpr std::int64_t columns_between = 512;
/// Floats between rows of sums beyond their width. Rows a multiple of 4 KB apart would all be kept
/// in the same few lines of the first cache.
constexpr std::int64_t apart = 16;
/// From here on packing the weights, which reads and writes each once, is a small part.
constexpr std::int64_t rows_worth_it = 24;

const std::uint16_t* words(const at::Tensor& bf16) {
  return reinterpret_cast<const std::uint16_t*>(bf16.data_ptr<at::BFloat16>());
}
std::uint16_t* words(at::Tensor& bf16) {
  return reinterpret_cast<std::uint16_t*>(bf16.data_ptr<at::BFloat16>());
}
const std::uint16_t* words_if_any(const at::Tensor& bf16) {
  return bf16.defined() ? words(bf16) : nullptr;
}
const std::uint16_t* from_column(const std::uint16_t* bias, std::int64_t column) {
  return bias == nullptr ? nullptr : bias + column;
}

constexpr std::align_val_t line{64};
struct free_aligned {
  void operator()(void* p) const { ::operator delete[](p, line); }
};
template <class T>
using aligned = std::unique_ptr<T, free_aligned>;

template <class T>
aligned<T[]> room_for(std::int64_t count) {
  return aligned<T[]>(
      static_cast<T*>(::operator new[](static_cast<std::size_t>(count) * sizeof(T), line)));
}

/// A right factor: every row of `weight` becomes a column.
struct packed_right {
  std::int64_t columns = 0, k = 0;
  aligned<std::uint16_t[]> values;
  aligned<float[]> factors;  ///< of a column's sums, to undo its scale

  const std::uint16_t* panel(std::int64_t i) const { return values.get() + i * panel_columns * k; }
  std::int64_t panels() const { return panels_of(columns, panel_columns); }
  std::int64_t width_of(std::int64_t panel) const {
    return std::min(panel_columns, columns - panel * panel_columns);
  }
};

packed_right pack(const at::Tensor& weight) {
  packed_right p;
  p.columns = weight.size(0), p.k = weight.size(1);
  p.values = room_for<std::uint16_t>(right_values(p.columns, p.k));
  p.factors = room_for<float>(p.panels() * panel_columns);
  const auto* from = words(weight);
  const auto stride = weight.stride(0);
  at::parallel_for(0, p.panels(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i)
      pack_right(from + i * panel_columns * stride, stride, p.width_of(i), p.k,
                 p.values.get() + i * panel_columns * p.k, p.factors.get() + i * panel_columns);
  });
  return p;
}

/// Some rows of a left factor, and what undoes their scales.
struct packed_left {
  std::int64_t k;
  aligned<std::uint32_t[]> words;
  aligned<float[]> factors;

  packed_left(std::int64_t rows, std::int64_t values)
      : k(values),
        words(room_for<std::uint32_t>(left_words(rows, values))),
        factors(room_for<float>(panels_of(rows, panel_rows) * panel_rows)) {}

  template <class T>
  void fill(const T* first, std::int64_t stride, std::int64_t rows) {
    for (std::int64_t r = 0; r < rows; r += panel_rows)
      pack_left(first + r * stride, stride, std::min(panel_rows, rows - r), k, words.get() + r * k,
                factors.get() + r);
  }
  const std::uint32_t* panel(std::int64_t row) const { return words.get() + row * k; }
};

/// `x` in one piece as rows of its last axis, of a type that can be packed.
at::Tensor as_rows(const at::Tensor& x) {
  const bool known = x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16;
  return (known ? x : x.to(at::kBFloat16)).reshape({-1, x.size(-1)}).contiguous();
}

void fill(packed_left& left, const at::Tensor& rows, std::int64_t begin, std::int64_t count) {
  const auto k = rows.size(1);
  if (rows.scalar_type() == at::kFloat)
    left.fill(rows.data_ptr<float>() + begin * k, k, count);
  else
    left.fill(words(rows) + begin * k, k, count);
}

at::Tensor like_rows(const at::Tensor& x, std::int64_t width) {
  auto shape = x.sizes().vec();
  shape.back() = width;
  return at::empty(shape, x.options().dtype(at::kBFloat16));
}

bool fits(const at::Tensor& weight) {
  if (weight.dim() == 2) return weight.stride(1) == 1;
  return weight.dim() == 4 && weight.size(2) == 3 && weight.size(3) == 3;
}

}  // namespace

bool takes(const at::Tensor& weight, std::int64_t rows) {
  return rows >= rows_worth_it && weight.scalar_type() == at::kBFloat16 &&
         weight.device().is_cpu() && fits(weight) && bf16_in_half();
}

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  TORCH_CHECK(x.size(-1) == weight.size(1), "a linear layer of ", weight.size(1), " for ",
              x.size(-1));
  TORCH_CHECK(!bias.defined() || bias.numel() == weight.size(0), "a bias of ", bias.numel());
  const packed_right right = pack(weight);
  const at::Tensor in = as_rows(x);
  const std::uint16_t* added = words_if_any(bias);
  at::Tensor result = like_rows(x, right.columns);
  std::uint16_t* out = words(result);
  // Where there are fewer blocks of rows than threads, each block's columns are shared out as well.
  const auto rows = in.size(0), blocks = panels_of(rows, rows_at_once);
  const auto shares = std::clamp<std::int64_t>(
      panels_of(at::get_num_threads(), std::max<std::int64_t>(blocks, 1)), 1, right.panels());
  const auto in_share = panels_of(right.panels(), shares);
  at::parallel_for(0, blocks * shares, 1, [&](std::int64_t begin, std::int64_t end) {
    packed_left left(rows_at_once, right.k);
    alignas(64) std::array<float, panel_rows * panel_columns> sums;
    for (auto i = begin; i < end; ++i) {
      const auto first = i / shares * rows_at_once, count = std::min(rows_at_once, rows - first);
      if (i == begin || i % shares == 0) fill(left, in, first, count);
      const auto panel = i % shares * in_share;
      for (auto p = panel; p < std::min(panel + in_share, right.panels()); ++p) {
        const auto column = p * panel_columns;
        for (std::int64_t r = 0; r < count; r += panel_rows) {
          sums.fill(0.0F);
          multiply(left.panel(r), left.factors.get() + r, right.panel(p), right.k, sums.data(),
                   panel_columns);
          for (std::int64_t j = 0; j < std::min(panel_rows, count - r); ++j)
            finish(sums.data() + j * panel_columns, right.factors.get() + column,
                   from_column(added, column), right.width_of(p),
                   out + (first + r + j) * right.columns + column);
        }
      }
    }
  });
  return result;
}

at::Tensor feed_forward(const at::Tensor& x, const at::Tensor& first_weight,
                        const at::Tensor& first_bias, const at::Tensor& second_weight,
                        const at::Tensor& second_bias) {
  TORCH_CHECK(x.size(-1) == first_weight.size(1) && first_weight.size(0) == second_weight.size(1) &&
                  first_bias.numel() == first_weight.size(0) &&
                  second_bias.numel() == second_weight.size(0),
              "a feed-forward network of other sizes");
  // Few rows: better all threads on one product after the other.
  if (panels_of(x.numel() / x.size(-1), rows_at_once) < at::get_num_threads()) {
    at::Tensor between = linear(x, first_weight, first_bias);
    return linear(at::gelu_(between), second_weight, second_bias);
  }
  const packed_right one = pack(first_weight), two = pack(second_weight);
  const at::Tensor in = as_rows(x);
  const auto *first_added = words_if_any(first_bias), *second_added = words_if_any(second_bias);
  at::Tensor result = like_rows(x, two.columns);
  std::uint16_t* out = words(result);
  const auto blocks = panels_of(in.size(0), rows_at_once);
  at::parallel_for(0, blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    const auto width = two.panels() * panel_columns + apart, wide = columns_between + apart;
    packed_left left(rows_at_once, one.k), between(rows_at_once, columns_between);
    const auto hidden = room_for<float>(rows_at_once * wide);
    const auto sums = room_for<float>(rows_at_once * width);
    for (auto i = begin; i < end; ++i) {
      const auto first = i * rows_at_once, rows = std::min(rows_at_once, in.size(0) - first);
      fill(left, in, first, rows);
      std::fill_n(sums.get(), rows_at_once * width, 0.0F);
      for (std::int64_t h = 0; h < one.columns; h += columns_between) {
        const auto columns = std::min(columns_between, one.columns - h);
        std::fill_n(hidden.get(), rows_at_once * wide, 0.0F);
        for (std::int64_t c = 0; c < columns; c += panel_columns) {
          const auto p = (h + c) / panel_columns;
          for (std::int64_t r = 0; r < rows; r += panel_rows) {
            float* block = hidden.get() + r * wide + c;
            multiply(left.panel(r), left.factors.get() + r, one.panel(p), one.k, block, wide);
            for (std::int64_t j = 0; j < std::min(panel_rows, rows - r); ++j)
              finish_gelu(block + j * wide, one.factors.get() + h + c,
                          from_column(first_added, h + c), one.width_of(p));
          }
        }
        between.k = columns;
        between.fill(hidden.get(), wide, rows);
        for (std::int64_t p = 0; p < two.panels(); ++p)
          for (std::int64_t r = 0; r < rows; r += panel_rows)
            multiply(between.panel(r), between.factors.get() + r, two.panel(p) + h * panel_columns,
                     columns, sums.get() + r * width + p * panel_columns, width);
      }
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t p = 0; p < two.panels(); ++p) {
          const auto column = p * panel_columns;
          finish(sums.get() + r * width + column, two.factors.get() + column,
                 from_column(second_added, column), two.width_of(p),
                 out + (first + r) * two.columns + column);
        }
    }
  });
  return result;
}

at::Tensor convolution3(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const auto b = x.size(0), h = x.size(1), w = x.size(2), channels = x.size(3);
  const auto outputs = weight.size(0);
  TORCH_CHECK(weight.size(1) == channels && (!bias.defined() || bias.numel() == outputs),
              "a convolution of other sizes");
  // Three neighbours of a line follow each other in memory, and so do their weights: the product is
  // one of three stretches of 3 * channels values, one from each line.
  const packed_right right = pack(weight.permute({0, 2, 3, 1}).reshape({outputs, 9 * channels}));
  const auto stretch = 3 * channels;
  const at::Tensor framed =
      at::constant_pad_nd(x.to(at::kBFloat16), {0, 0, 1, 1, 1, 1}).contiguous();
  const auto* in = words(framed);
  const std::uint16_t* added = words_if_any(bias);
  at::Tensor result = at::empty({b, h, w, outputs}, framed.options());
  std::uint16_t* out = words(result);
  at::parallel_for(0, b * h, 1, [&](std::int64_t begin, std::int64_t end) {
    std::array<packed_left, 3> lines{packed_left(panel_rows, stretch),
                                     packed_left(panel_rows, stretch),
                                     packed_left(panel_rows, stretch)};
    alignas(64) std::array<float, panel_rows * panel_columns> sums;
    for (auto line = begin; line < end; ++line) {
      const auto* above = in + (line / h * (h + 2) + line % h) * (w + 2) * channels;
      for (std::int64_t column = 0; column < w; column += panel_rows) {
        const auto count = std::min(panel_rows, w - column);
        for (std::int64_t i = 0; i < 3; ++i)
          lines[static_cast<std::size_t>(i)].fill(above + (i * (w + 2) + column) * channels,
                                                  channels, count);
        for (std::int64_t p = 0; p < right.panels(); ++p) {
          sums.fill(0.0F);
          const std::uint16_t* weights = right.panel(p);
          for (const auto& left : lines) {
            multiply(left.panel(0), left.factors.get(), weights, stretch, sums.data(),
                     panel_columns);
            weights += stretch * panel_columns;
          }
          for (std::int64_t i = 0; i < count; ++i)
            finish(sums.data() + i * panel_columns, right.factors.get() + p * panel_columns,
                   from_column(added, p * panel_columns), right.width_of(p),
                   out + (line * w + column + i) * outputs + p * panel_columns);
        }
      }
    }
  });
  return result;
}

}  // namespace samovar::model::sam3::half
