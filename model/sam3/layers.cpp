#include "model/sam3/layers.hpp"

#include <algorithm>
#include <limits>

#include "model/sam3/attention.hpp"
#include "model/sam3/fused.hpp"
#include "model/sam3/half_products.hpp"

namespace samovar::model::sam3 {
namespace {

at::Tensor load(const weight_source& from, const std::string& name, precision p) {
  return p == precision::exact ? from.exact(name) : from.compute(name);
}

std::int64_t rows_of(const at::Tensor& x) {
  return x.numel() / std::max<std::int64_t>(1, x.size(-1));
}

}  // namespace

at::Tensor linear::operator()(const at::Tensor& x) const {
  if (half::takes(weight, rows_of(x))) return half::linear(x, weight, bias);
  return at::linear(x.to(weight.scalar_type()), weight, bias);
}

linear load_linear(const weight_source& from, const std::string& name, precision p) {
  return {load(from, name + ".weight", p), load(from, name + ".bias", p)};
}

at::Tensor layer_norm::operator()(const at::Tensor& x) const {
  if (in_bf16_on_cpu(x)) return norm_in_bf16(x, *this);
  const bool exact = x.scalar_type() == at::kFloat;
  return at::layer_norm(x, {x.size(-1)}, exact ? exact_weight : weight, exact ? exact_bias : bias,
                        eps);
}

layer_norm load_norm(const weight_source& from, const std::string& name, double eps) {
  layer_norm n;
  n.exact_weight = from.exact(name + ".weight");
  n.exact_bias = from.exact(name + ".bias");
  n.weight = n.exact_weight.to(from.compute_type());
  n.bias = n.exact_bias.to(from.compute_type());
  n.eps = eps;
  return n;
}

at::Tensor upload(const at::Tensor& x, at::Device device) {
  // Pageable memory is staged before the call returns, so `x` may go away at once.
  return x.to(x.options().device(device), /*non_blocking=*/true);
}

at::Tensor gelu_in_place(at::Tensor x) { return at::gelu_(x); }

at::Tensor gelu_of(const linear& layer, const at::Tensor& x) {
  if (!layer.weight.is_cuda() || layer.weight.scalar_type() == at::kFloat)
    return gelu_in_place(layer(x));
  auto shape = x.sizes().vec();
  shape.back() = layer.weight.size(0);
  return at::_addmm_activation(layer.bias, x.to(layer.weight.scalar_type()).flatten(0, -2),
                               layer.weight.t(), 1, 1, /*use_gelu=*/true)
      .view(shape);
}

at::Tensor feed_forward(const linear& first, const linear& second, const at::Tensor& x) {
  constexpr std::int64_t piece_bytes_max = 12 << 20;
  const auto row_bytes =
      first.weight.size(0) * static_cast<std::int64_t>(first.weight.element_size());
  const auto rows = rows_of(x);
  if (half::takes(first.weight, rows) && half::takes(second.weight, rows))
    return half::feed_forward(x, first.weight, first.bias, second.weight, second.bias);
  if (!x.device().is_cpu() || rows * row_bytes <= piece_bytes_max) return second(gelu_of(first, x));
  const at::Tensor in = x.reshape({rows, x.size(-1)});
  const at::Tensor turned = second.weight.t();
  at::Tensor out = at::empty({rows, second.weight.size(0)}, second.weight.options());
  const auto at_once = std::max<std::int64_t>(64, piece_bytes_max / row_bytes);
  for (std::int64_t i = 0; i < rows; i += at_once) {
    const auto n = std::min(at_once, rows - i);
    at::Tensor piece = out.narrow(0, i, n);
    at::addmm_out(piece, second.bias, gelu_of(first, in.narrow(0, i, n)), turned);
  }
  auto shape = x.sizes().vec();
  shape.back() = out.size(1);
  return out.view(shape);
}

at::Tensor mlp::operator()(const at::Tensor& x) const {
  at::Tensor y = x;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (i > 0) y = y.relu_();
    y = layers[i](y);
  }
  return y;
}

mlp load_mlp(const weight_source& from, const std::string& name, int layers, precision p) {
  mlp out;
  for (int i = 0; i < layers; ++i)
    out.layers.push_back(load_linear(from, name + ".layers." + std::to_string(i), p));
  return out;
}

at::Tensor mlp_bank::operator()(const at::Tensor& x) const {
  at::Tensor y = x.to(weights.front().scalar_type());
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (i > 0) y = y.relu_();
    y = at::baddbmm(biases[i], y, weights[i]);
  }
  return y;
}

mlp_bank join_mlps(const std::vector<mlp>& mlps) {
  mlp_bank bank;
  for (std::size_t i = 0; i < mlps.front().layers.size(); ++i) {
    std::vector<at::Tensor> weights, biases;
    for (const auto& m : mlps) {
      weights.push_back(m.layers[i].weight.t());
      biases.push_back(m.layers[i].bias.unsqueeze(0));
    }
    bank.weights.push_back(at::stack(weights));
    bank.biases.push_back(at::stack(biases));
  }
  return bank;
}

at::Tensor multi_head::operator()(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                  const at::Tensor& bias) const {
  at::Tensor queries, keys, values;  // [b, n, width]
  if (q.is_same(k) && k.is_same(v)) {
    const auto parts = query_key_value(q).chunk(3, -1);
    queries = parts[0], keys = parts[1], values = parts[2];
  } else if (q.is_same(k)) {
    const auto parts = query_key(q).chunk(2, -1);
    queries = parts[0], keys = parts[1], values = value(v);
  } else if (k.is_same(v)) {
    const auto parts = key_value(k).chunk(2, -1);
    queries = query(q), keys = parts[0], values = parts[1];
  } else {
    queries = query(q), keys = key(k), values = value(v);
  }
  const auto split = [&](const at::Tensor& x) {  // -> [b, heads, n, width/heads]
    return x.view({x.size(0), x.size(1), heads, -1}).transpose(1, 2);
  };
  const auto batch = std::max(q.size(0), k.size(0));
  const auto shared = [&](const at::Tensor& x) {
    return x.size(0) == batch ? x : x.expand({batch, -1, -1, -1});
  };
  const at::Tensor mixed =
      attention(shared(split(queries)), shared(split(keys)), shared(split(values)), bias);
  return out(mixed.transpose(1, 2).flatten(2));
}

namespace {

/// `all` holds the rows of query, key and value, in this order and of one number.
multi_head cut(const linear& all, linear out, std::int64_t heads) {
  const auto width = all.weight.size(0) / 3;
  const auto rows = [&](std::int64_t begin, std::int64_t count) -> linear {
    return {all.weight.narrow(0, begin * width, count * width),
            all.bias.narrow(0, begin * width, count * width)};
  };
  multi_head m;
  m.query = rows(0, 1), m.key = rows(1, 1), m.value = rows(2, 1), m.out = std::move(out);
  m.query_key = rows(0, 2), m.key_value = rows(1, 2), m.query_key_value = all;
  m.heads = heads;
  return m;
}

}  // namespace

multi_head load_packed_attention(const weight_source& from, const std::string& name,
                                 std::int64_t heads) {
  return cut({from.compute(name + ".in_proj_weight"), from.compute(name + ".in_proj_bias")},
             load_linear(from, name + ".out_proj"), heads);
}

multi_head load_split_attention(const weight_source& from, const std::string& name,
                                std::int64_t heads) {
  const linear q = load_linear(from, name + ".q_proj"), k = load_linear(from, name + ".k_proj"),
               v = load_linear(from, name + ".v_proj");
  return cut({at::cat({q.weight, k.weight, v.weight}), at::cat({q.bias, k.bias, v.bias})},
             load_linear(from, name + ".out_proj"), heads);
}

at::Tensor padding_bias(const at::Tensor& padding, at::ScalarType type) {
  const at::Tensor zero = at::zeros(padding.sizes(), padding.options().dtype(type));
  return zero.masked_fill(padding, -std::numeric_limits<double>::infinity())
      .unsqueeze(1)
      .unsqueeze(1);
}

at::Tensor convolution3::operator()(const at::Tensor& x) const {
  if (half::takes(weight, rows_of(x))) return half::convolution3(x, weight, bias);
  const at::Tensor planes = x.to(weight.scalar_type()).permute({0, 3, 1, 2});
  return at::conv2d(planes, weight, bias, 1, 1).permute({0, 2, 3, 1}).contiguous();
}

convolution3 load_convolution3(const weight_source& from, const std::string& name) {
  return {from.compute(name + ".weight").contiguous(at::MemoryFormat::ChannelsLast),
          from.compute(name + ".bias")};
}

at::Tensor upscaling2::operator()(const at::Tensor& x) const {
  const auto b = x.size(0), h = x.size(1), w = x.size(2);
  return product(x)
      .view({b, h, w, 2, 2, -1})
      .permute({0, 1, 3, 2, 4, 5})
      .reshape({b, 2 * h, 2 * w, -1});
}

upscaling2 load_upscaling2(const weight_source& from, const std::string& name) {
  const at::Tensor weight = from.compute(name + ".weight");  // [in, out, dy, dx]
  const auto in = weight.size(0), out = weight.size(1);
  return {{weight.permute({2, 3, 1, 0}).reshape({4 * out, in}).contiguous(),
           from.compute(name + ".bias").repeat({4})}};
}

linear load_convolution1(const weight_source& from, const std::string& name, precision p) {
  linear out = load_linear(from, name, p);
  out.weight = out.weight.flatten(1);
  return out;
}

}  // namespace samovar::model::sam3
