#include "model/sam3/weights.hpp"

#include <cstring>
#include <stdexcept>
#include <vector>

namespace samovar::model::sam3 {
namespace {

at::ScalarType scalar_type(element e) {
  switch (e) {
    case element::f64: return at::kDouble;
    case element::f32:
    case element::c64: return at::kFloat;
    case element::f16: return at::kHalf;
    case element::bf16: return at::kBFloat16;
    case element::i64: return at::kLong;
    case element::i32: return at::kInt;
    case element::i16: return at::kShort;
    case element::i8: return at::kChar;
    case element::u8: return at::kByte;
    case element::boolean: return at::kBool;
  }
  throw std::logic_error("a type without a name");
}

}  // namespace

at::Tensor copy_of(const tensor_view& view) {
  auto shape = view.shape;
  if (view.type == element::c64) shape.push_back(2);
  at::Tensor out = at::empty(shape, at::TensorOptions(scalar_type(view.type)));
  if (view.byte_size > 0) std::memcpy(out.data_ptr(), view.data, view.byte_size);
  return out;
}

at::Tensor weight_source::copy(const std::string& name, at::ScalarType type) const {
  const auto found = from_.tensors.find(name);
  if (found == from_.tensors.end()) throw std::logic_error("no weight is called " + name);
  std::vector<at::Tensor> parts;
  for (const auto& view : found->second.parts) {
    parts.push_back(copy_of(view).to(device_, type));
    from_.file->forget(view);
  }
  const at::Tensor whole = parts.size() == 1 ? parts.front() : at::cat(parts, 0);
  return whole.reshape(found->second.shape);
}

}  // namespace samovar::model::sam3
