// Products in half precision: against the same products in double precision, and no worse than
// LibTorch's own in bf16.
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <future>
#include <iostream>
#include <limits>
#include <mutex>
#include <string>
#include <vector>

#include "model/sam3/attention.hpp"
#include "model/sam3/bf16_speed.hpp"
#include "model/sam3/half_kernels.hpp"
#include "model/sam3/half_products.hpp"
#include "model/sam3/layers.hpp"

using namespace samovar::model::sam3;

namespace {

boost::test_tools::assertion_result half_is_there(boost::unit_test::test_unit_id) {
  static const bool there = half::supported();
  static std::once_flag said;
  if (!there)
    std::call_once(said, [] {
      std::cerr << "SKIPPED: products in half precision, this processor has no AVX512-FP16\n";
    });
  return there;
}

#define IF_THERE *boost::unit_test::precondition(half_is_there)

at::Tensor bf16(const at::Tensor& x) { return x.to(at::kBFloat16); }
at::Tensor exact(const at::Tensor& x) { return x.to(at::kDouble); }

/// Root of the mean square of the difference, as a share of that of the values.
double error_of(const at::Tensor& found, const at::Tensor& wanted) {
  return ((exact(found) - wanted).square().mean().sqrt() /
          wanted.square().mean().sqrt().clamp_min(1e-300))
      .item<double>();
}

/// The error of rounding results to bf16, which has a last place of 1/128 to 1/256 of the value.
constexpr double rounding = 1.63e-3;
/// The products may add one that is somewhat smaller than that.
constexpr double allowed_error = 1.4 * rounding;

}  // namespace

BOOST_AUTO_TEST_SUITE(half_products)

BOOST_AUTO_TEST_CASE(linear_layers_of_every_shape, IF_THERE) {
  at::manual_seed(1);
  for (const auto [rows, in, out] : {std::array<std::int64_t, 3>{1, 1, 1},
                                     {12, 64, 64},
                                     {13, 33, 65},
                                     {95, 100, 7},
                                     {97, 1024, 130},
                                     {200, 513, 64},
                                     {577, 48, 96}}) {
    const at::Tensor x = bf16(at::randn({rows, in})), w = bf16(at::randn({out, in})),
                     b = bf16(at::randn({out}));
    for (const bool biased : {false, true}) {
      const at::Tensor bias = biased ? b : at::Tensor();
      at::Tensor wanted = at::mm(exact(x), exact(w).t());
      if (biased) wanted = wanted + exact(b);
      const auto found = half::linear(x, w, bias);
      BOOST_TEST(found.scalar_type() == at::kBFloat16);
      const double error = error_of(found, wanted),
                   usual = error_of(at::linear(x, w, bias), wanted);
      BOOST_TEST_CONTEXT(rows << "x" << in << "x" << out << ", usual error " << usual)
      BOOST_TEST(error <= std::max(usual, allowed_error));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_float_factor_is_not_rounded_first, IF_THERE) {
  at::manual_seed(2);
  const at::Tensor x = at::randn({2, 50, 256}), w = bf16(at::randn({128, 256}));
  const auto found = half::linear(x, w, {});
  BOOST_TEST((found.sizes() == at::IntArrayRef{2, 50, 128}));
  BOOST_TEST(error_of(found, at::matmul(exact(x), exact(w).t())) <= allowed_error);
}

BOOST_AUTO_TEST_CASE(rows_of_very_different_size, IF_THERE) {
  at::manual_seed(3);
  const auto sizes = at::pow(10.0, at::linspace(-30, 30, 61)).view({61, 1});
  const at::Tensor x = bf16(at::randn({61, 300}) * sizes), w = bf16(at::randn({70, 300}));
  const at::Tensor wanted = at::mm(exact(x), exact(w).t()), found = half::linear(x, w, {});
  for (std::int64_t i = 0; i < 61; ++i)
    BOOST_TEST(error_of(found[i], wanted[i]) <= 1.2 * allowed_error, "row " << i);
  // The same in the weights, and a value a thousand times its neighbours, as residual streams have.
  const at::Tensor heavy = bf16(at::randn({61, 300}) * sizes);
  at::Tensor peaked = at::randn({50, 300});
  peaked.select(1, 17).mul_(1000);
  peaked = bf16(peaked);
  const auto columns = half::linear(peaked, heavy, {});
  const auto right = at::mm(exact(peaked), exact(heavy).t());
  for (std::int64_t i = 0; i < 61; ++i)
    BOOST_TEST(error_of(columns.select(1, i), right.select(1, i)) <= 1.5 * allowed_error,
               "column " << i);
}

BOOST_AUTO_TEST_CASE(nothing_and_no_number, IF_THERE) {
  at::Tensor x = at::ones({30, 40});
  x[3].zero_();
  x[5][7] = std::numeric_limits<float>::quiet_NaN();
  x[6][8] = std::numeric_limits<float>::infinity();
  const auto found = half::linear(bf16(x), bf16(at::ones({70, 40})), {});
  BOOST_TEST(found[3].abs().max().item<float>() == 0.0F);
  BOOST_TEST(found[5].isnan().all().item<bool>());
  BOOST_TEST(!found[6].isfinite().any().item<bool>());
  BOOST_TEST((found[4] == 40).all().item<bool>());
  BOOST_TEST((found.narrow(0, 7, 23) == 40).all().item<bool>());
}

BOOST_AUTO_TEST_CASE(feed_forward_of_every_shape, IF_THERE) {
  at::manual_seed(4);
  for (const auto [rows, in, between, out] : {std::array<std::int64_t, 4>{1, 8, 9, 3},
                                              {197, 64, 512, 64},
                                              {50, 40, 100, 40},
                                              {230, 100, 1100, 70}}) {
    const at::Tensor x = bf16(at::randn({1, rows, in})),
                     w1 = bf16(at::randn({between, in}) / std::sqrt(static_cast<double>(in))),
                     b1 = bf16(at::randn({between})), w2 = bf16(at::randn({out, between})),
                     b2 = bf16(at::randn({out}));
    const auto middle = at::matmul(exact(x), exact(w1).t()) + exact(b1);
    const auto wanted = at::matmul(at::gelu(middle), exact(w2).t()) + exact(b2);
    const double usual = error_of(at::linear(at::gelu(at::linear(x, w1, b1)), w2, b2), wanted);
    const auto found = half::feed_forward(x, w1, b1, w2, b2);
    BOOST_TEST((found.sizes() == at::IntArrayRef{1, rows, out}));
    BOOST_TEST_CONTEXT(rows << ", " << in << ", " << between << ", usual error " << usual)
    BOOST_TEST(error_of(found, wanted) <= std::max(usual, allowed_error));
  }
}

BOOST_AUTO_TEST_CASE(the_activation_is_exact, IF_THERE) {
  // Through identity matrices of one value a row: gelu itself, over the range where it bends.
  const at::Tensor x = bf16(at::linspace(-12, 12, 4001).view({-1, 1}));
  const at::Tensor one = bf16(at::ones({1, 1})), none = bf16(at::zeros({1}));
  const auto found = exact(half::feed_forward(x, one, none, one, none));
  const auto wanted = at::gelu(exact(x));
  // Two roundings (to half precision and to bf16), and 3e-7 of |x| where the result is next to 0.
  const auto allowed = wanted.abs() * (1.0 / 256 + 1.0 / 2048) + 4e-6;
  BOOST_TEST(((found - wanted).abs() <= allowed).all().item<bool>());
}

BOOST_AUTO_TEST_CASE(attention_of_every_shape, IF_THERE) {
  at::manual_seed(5);
  for (const auto [b, heads, n, m, size] : {std::array<std::int64_t, 5>{1, 1, 1, 1, 1},
                                            {2, 3, 13, 65, 20},
                                            {1, 2, 100, 577, 64},
                                            {3, 2, 49, 1300, 32},
                                            {1, 4, 48, 576, 16}}) {
    // Wide scores, so that some rows are ruled by one key and some blocks hold next to nothing.
    const at::Tensor q = bf16(at::randn({b, n, heads, size}) * 3).transpose(1, 2),
                     k = bf16(at::randn({b, m, heads, size}) * 3).transpose(1, 2),
                     v = bf16(at::randn({b, m, heads, size}) + 0.5).transpose(1, 2);
    const auto scores =
        at::matmul(exact(q), exact(k).transpose(-1, -2)) / std::sqrt(static_cast<double>(size));
    const auto wanted = at::matmul(at::softmax(scores, -1), exact(v));
    const double usual = error_of(attention_in_pieces(q, k, v, {}), wanted);
    const auto found = half::attention(q, k, v);
    BOOST_TEST((found.sizes() == wanted.sizes()));
    BOOST_TEST_CONTEXT(b << ", " << heads << ", " << n << ", " << m << ", " << size
                         << ", usual error " << usual)
    BOOST_TEST(error_of(found, wanted) <= std::max(usual, allowed_error));
  }
}

BOOST_AUTO_TEST_CASE(convolution_of_every_shape, IF_THERE) {
  at::manual_seed(6);
  for (const auto [b, h, w, in, out] : {std::array<std::int64_t, 5>{1, 1, 1, 1, 1},
                                        {1, 5, 13, 7, 65},
                                        {2, 12, 24, 32, 64},
                                        {1, 3, 40, 100, 20}}) {
    const at::Tensor x = bf16(at::randn({b, h, w, in})),
                     weight = bf16(at::randn({out, in, 3, 3}))
                                  .contiguous(at::MemoryFormat::ChannelsLast),
                     bias = bf16(at::randn({out}));
    const auto wanted =
        at::conv2d(exact(x).permute({0, 3, 1, 2}), exact(weight).contiguous(), exact(bias), 1, 1)
            .permute({0, 2, 3, 1});
    const auto found = half::convolution3(x, weight, bias);
    BOOST_TEST((found.sizes() == wanted.sizes()));
    BOOST_TEST_CONTEXT(b << ", " << h << ", " << w << ", " << in << ", " << out)
    BOOST_TEST(error_of(found, wanted) <= allowed_error);
  }
}

BOOST_AUTO_TEST_CASE(threads_change_nothing, IF_THERE) {
  at::manual_seed(7);
  const at::Tensor x = bf16(at::randn({700, 200})), w = bf16(at::randn({330, 200})),
                   b = bf16(at::randn({330})), back = bf16(at::randn({200, 330})),
                   none = bf16(at::zeros({200}));
  const at::Tensor heads = bf16(at::randn({2, 3, 500, 40})),
                   picture = bf16(at::randn({1, 9, 30, 50})),
                   kernel = bf16(at::randn({70, 50, 3, 3}));
  const auto all = [&] {
    return std::vector<at::Tensor>{half::linear(x, w, b), half::linear(x.narrow(0, 0, 40), w, b),
                                   half::feed_forward(x, w, b, back, none),
                                   half::attention(heads, heads, heads),
                                   half::convolution3(picture, kernel, {})};
  };
  const auto threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto alone = all();
  at::set_num_threads(4);
  const auto same_as_alone = [&](const std::vector<at::Tensor>& found) {
    for (std::size_t i = 0; i < alone.size(); ++i)
      if (!found[i].equal(alone[i])) return false;
    return true;
  };
  BOOST_TEST(same_as_alone(all()));
  // Devices with several workers call from several threads at once.
  std::vector<std::future<bool>> others;
  for (int i = 0; i < 2; ++i)
    others.push_back(std::async(std::launch::async, [&] {
      const c10::NoGradGuard no_gradients;
      return same_as_alone(all());
    }));
  for (auto& o : others) BOOST_TEST(o.get());
  at::set_num_threads(threads);
}

BOOST_AUTO_TEST_CASE(other_sizes_are_refused, IF_THERE) {
  const at::Tensor x = bf16(at::ones({30, 8})), w = bf16(at::ones({5, 9})), b = bf16(at::ones({5}));
  BOOST_CHECK_THROW(half::linear(x, w, b), c10::Error);
  BOOST_CHECK_THROW(half::linear(bf16(at::ones({30, 9})), w, bf16(at::ones({6}))), c10::Error);
  BOOST_CHECK_THROW(half::feed_forward(bf16(at::ones({30, 9})), w, b, w, b), c10::Error);
  const at::Tensor heads = bf16(at::ones({1, 2, 70, 8})), fewer = bf16(at::ones({1, 2, 60, 8}));
  BOOST_CHECK_THROW(half::attention(heads, heads, fewer), c10::Error);
}

BOOST_AUTO_TEST_CASE(who_is_taken) {
  const at::Tensor weight = bf16(at::zeros({8, 8}));
  BOOST_TEST(half::takes(weight, 100) == bf16_in_half());
  BOOST_TEST(!half::takes(weight, 2));
  BOOST_TEST(!half::takes(weight.t(), 100));
  BOOST_TEST(!half::takes(weight.to(at::kFloat), 100));
  const at::Tensor kernel =
      bf16(at::zeros({8, 8, 3, 3})).contiguous(at::MemoryFormat::ChannelsLast);
  BOOST_TEST(half::takes(kernel, 100) == bf16_in_half());
  BOOST_TEST(!half::takes(bf16(at::zeros({8, 8, 2, 2})), 100));
  if (!half::supported()) BOOST_TEST(!bf16_in_half());
}

BOOST_AUTO_TEST_SUITE_END()
