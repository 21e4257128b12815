#include "model/sam3/tensor_file.hpp"

#include "model/sam3/safetensors.hpp"

namespace samovar::model::sam3 {

std::size_t bytes_of(element e) {
  switch (e) {
    case element::f64:
    case element::i64:
    case element::c64: return 8;
    case element::f32:
    case element::i32: return 4;
    case element::f16:
    case element::bf16:
    case element::i16: return 2;
    case element::i8:
    case element::u8:
    case element::boolean: return 1;
  }
  return 1;
}

std::string_view name_of(element e) {
  switch (e) {
    case element::f64: return "F64";
    case element::f32: return "F32";
    case element::f16: return "F16";
    case element::bf16: return "BF16";
    case element::i64: return "I64";
    case element::i32: return "I32";
    case element::i16: return "I16";
    case element::i8: return "I8";
    case element::u8: return "U8";
    case element::boolean: return "BOOL";
    case element::c64: return "C64";
  }
  return "?";
}

const tensor_view* tensor_file::find(const std::string& name) const {
  const auto& all = tensors();
  const auto found = all.find(name);
  return found == all.end() ? nullptr : &found->second;
}

core::outcome<std::unique_ptr<tensor_file>> open_tensor_file(const std::filesystem::path& path) {
  auto mapped = mapped_file::open(path);
  if (!mapped) return mapped.failure();
  return open_safetensors(std::move(*mapped));
}

}  // namespace samovar::model::sam3
