// The few layers that the whole network is made of, as plain structs over at::Tensor.
//
// Types: a linear layer works in its weights' type and casts what it is given; a layer norm works
// in the type of its input. So a stage's precision follows from how its weights were loaded and
// from the type of its residual stream, and float32 streams stay float32 between bf16 products.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "model/sam3/weights.hpp"

namespace samovar::model::sam3 {

enum class precision : std::uint8_t { compute, exact };

struct linear {
  at::Tensor weight;  ///< [out, in]
  at::Tensor bias;    ///< [out]
  at::Tensor operator()(const at::Tensor& x) const;
};
linear load_linear(const weight_source& from, const std::string& name,
                   precision p = precision::compute);

struct layer_norm {
  at::Tensor weight, bias;              ///< [width], compute type
  at::Tensor exact_weight, exact_bias;  ///< the same in float32
  double eps = 1e-5;
  at::Tensor operator()(const at::Tensor& x) const;
};
layer_norm load_norm(const weight_source& from, const std::string& name, double eps = 1e-5);

/// The exact form (erf), in place: give it a result that nobody else holds.
at::Tensor gelu_in_place(at::Tensor x);

/// gelu(layer(x)). In half precision on CUDA it is one product with the activation in its epilogue,
/// which knows the tanh form only; that differs from the exact one by at most 5e-4.
at::Tensor gelu_of(const linear& layer, const at::Tensor& x);

/// second(gelu(first(x))). On the CPU in pieces of rows, so that what lies between is neither
/// written to memory nor new pages each time.
at::Tensor feed_forward(const linear& first, const linear& second, const at::Tensor& x);

/// Linear layers with ReLU between them.
struct mlp {
  std::vector<linear> layers;
  at::Tensor operator()(const at::Tensor& x) const;
};
mlp load_mlp(const weight_source& from, const std::string& name, int layers,
             precision p = precision::compute);

/// To the device without waiting for what it is doing (a plain copy from the CPU would).
at::Tensor upload(const at::Tensor& x, at::Device device);

/// Several MLPs of one shape, each for its own part of the input, in one product a layer.
struct mlp_bank {
  std::vector<at::Tensor> weights;  ///< [mlps, in, out] for each layer
  std::vector<at::Tensor> biases;   ///< [mlps, 1, out]
  /// [mlps, rows, in] -> [mlps, rows, out]; ReLU between the layers.
  at::Tensor operator()(const at::Tensor& x) const;
};
mlp_bank join_mlps(const std::vector<mlp>& mlps);

/// Multi-head attention over [batch, tokens, width]. A side of batch 1 serves every batch of the
/// other.
struct multi_head {
  linear query, key, value, out;
  /// The rows of several of them together, for one tensor that is asked for more than one; they
  /// share memory with those above.
  linear query_key, key_value, query_key_value;
  std::int64_t heads = 1;
  /// `bias` is added to the scaled scores, broadcast to [batch, heads, queries, keys]; undefined:
  /// none. In the type of the weights it need not be converted for each layer.
  at::Tensor operator()(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                        const at::Tensor& bias = {}) const;
};
/// `in_proj_weight` holds query, key and value rows.
multi_head load_packed_attention(const weight_source& from, const std::string& name,
                                 std::int64_t heads);
/// `q_proj`, `k_proj`, `v_proj` apart.
multi_head load_split_attention(const weight_source& from, const std::string& name,
                                std::int64_t heads);

/// [batch, tokens] with true for padding -> [batch, 1, 1, tokens] of 0 and -infinity.
at::Tensor padding_bias(const at::Tensor& padding, at::ScalarType type);

/// 3x3, padding 1, over [batch, height, width, channels] in contiguous memory (channels last).
struct convolution3 {
  at::Tensor weight;  ///< [out, in, 3, 3], channels last
  at::Tensor bias;
  at::Tensor operator()(const at::Tensor& x) const;
};
convolution3 load_convolution3(const weight_source& from, const std::string& name);

/// 2x2, stride 2, transposed: [b, h, w, in] -> [b, 2h, 2w, out]. Every output pixel sees one input
/// pixel, so it is one matrix product and a rearrangement.
struct upscaling2 {
  linear product;  ///< in -> 4 * out, rows ordered (dy, dx, channel)
  at::Tensor operator()(const at::Tensor& x) const;
};
upscaling2 load_upscaling2(const weight_source& from, const std::string& name);

/// A 1x1 convolution is a linear layer over channels-last pixels.
linear load_convolution1(const weight_source& from, const std::string& name,
                         precision p = precision::compute);

}  // namespace samovar::model::sam3
