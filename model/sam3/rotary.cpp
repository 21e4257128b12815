#include "model/sam3/rotary.hpp"

namespace samovar::model::sam3 {

std::array<at::Tensor, 3> split_and_rotate(const at::Tensor& qkv, const at::Tensor& table,
                                           std::int64_t heads) {
  const auto b = qkv.size(0), n = qkv.size(1);
  const at::Tensor parts = qkv.view({b, n, 3, heads, -1});
  const at::Tensor turn = at::view_as_complex(table).view({1, n, 1, 1, -1});
  // A copy in every type: the product is in place.
  at::Tensor pairs = parts.narrow(2, 0, 2)
                         .to(at::kFloat, /*non_blocking=*/false, /*copy=*/true)
                         .contiguous()
                         .view({b, n, 2, heads, -1, 2});
  at::view_as_complex(pairs).mul_(turn);
  const at::Tensor turned = pairs.flatten(-2).to(qkv.scalar_type());
  const auto lead = [](const at::Tensor& x) { return x.transpose(1, 2); };
  return {lead(turned.select(2, 0)), lead(turned.select(2, 1)), lead(parts.select(2, 2))};
}

}  // namespace samovar::model::sam3
