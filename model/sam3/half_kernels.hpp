// Matrix products in half precision on processors that multiply it fast (AVX512-FP16: Intel from
// Sapphire Rapids), for the network in bf16 where bf16's own instructions are slower. No LibTorch.
//
// How exact: both factors are scaled by powers of two, row by row, so that they fit half precision,
// which has three more bits than bf16. Sixty-four products are added in half precision, everything
// above that in float32, which adds an error somewhat smaller than rounding the result to bf16
// does.
//
// A product takes its left factor in panels of `panel_rows` rows and its right one in panels of
// `panel_columns` columns, both stored with the summed axis outermost.
#pragma once

#include <cstdint>

namespace samovar::model::sam3::half {

constexpr std::int64_t panel_rows = 12, panel_columns = 64;

constexpr std::int64_t panels_of(std::int64_t count, std::int64_t in_one) {
  return (count + in_one - 1) / in_one;
}

/// Words of a packed left factor of `rows` x `k`; a store may write past its panel's end, hence 4.
constexpr std::int64_t left_words(std::int64_t rows, std::int64_t k) {
  return panels_of(rows, panel_rows) * panel_rows * k + 4;
}
/// Half-precision values of a packed right factor of `k` x `columns`.
constexpr std::int64_t right_values(std::int64_t columns, std::int64_t k) {
  return panels_of(columns, panel_columns) * panel_columns * k;
}

/// True when the processor and the system know the instructions and this program was built with
/// them.
bool supported();

/// The largest magnitude among `count` values. std::uint16_t stands for bf16 here and below.
float largest(const float* values, std::int64_t count);
float largest(const std::uint16_t* values, std::int64_t count);

/// What a row whose largest magnitude is `largest` is multiplied by before it is rounded to half
/// precision: a power of two.
enum class side : std::uint8_t { left, right };
float scale_for(float largest, side of);

/// `count` <= panel_rows rows of `k` values, `stride` apart, to out[k][panel_rows];
/// factors[panel_rows] undo their scales.
void pack_left(const float* first, std::int64_t stride, std::int64_t count, std::int64_t k,
               std::uint32_t* out, float* factors);
void pack_left(const std::uint16_t* first, std::int64_t stride, std::int64_t count, std::int64_t k,
               std::uint32_t* out, float* factors);

/// `count` <= panel_columns rows of `k` values, `stride` apart, to the columns of
/// out[k][panel_columns], the missing ones zero; factors[panel_columns] undo their scales.
void pack_right(const std::uint16_t* first, std::int64_t stride, std::int64_t count, std::int64_t k,
                std::uint16_t* out, float* factors);

/// `k` rows of `count` <= panel_columns values, each times `scale`, to out[k][panel_columns].
void pack_right_rows(const std::uint16_t* first, std::int64_t stride, float scale,
                     std::int64_t count, std::int64_t k, std::uint16_t* out);

/// sums[i * stride + j] += factors[i] * (left * right)[i][j] for one panel of each.
void multiply(const std::uint32_t* left, const float* factors, const std::uint16_t* right,
              std::int64_t k, float* sums, std::int64_t stride);

/// out = bf16(sums * factors + bias); `bias` (bf16) may be nullptr. `count` <= panel_columns.
void finish(const float* sums, const float* factors, const std::uint16_t* bias, std::int64_t count,
            std::uint16_t* out);

/// values = gelu(values * factors + bias) over panel_columns values; `bias` holds `count` of them.
void finish_gelu(float* values, const float* factors, const std::uint16_t* bias,
                 std::int64_t count);

/// One block of keys for one panel of queries in attention: softmax that goes on from block to
/// block (arXiv 2205.14135).
struct softmax_state {
  float largest[panel_rows];  ///< of the scores so far; begins at -infinity
  float sum[panel_rows];      ///< of the powers so far
  float shrink[panel_rows];   ///< what earlier results are to be multiplied by now
};
/// `scores` [panel_rows][stride], the first `keys` of each; becomes scores * key_factors. Writes
/// exp(factor * (score - largest)) * weight_scale to `packed` [keys][panel_rows], as a left factor.
inline constexpr float weight_scale = 32.0F;
void take_keys(float* scores, std::int64_t stride, std::int64_t keys, const float* key_factors,
               float factor, softmax_state& state, std::uint32_t* packed);

/// values *= factor.
void shrink(float* values, std::int64_t count, float factor);

}  // namespace samovar::model::sam3::half
