#include "model/sam3/tensor_file.hpp"

#include <algorithm>
#include <functional>

#include "model/sam3/mapped_file.hpp"
#include "model/sam3/safetensors.hpp"
#include "model/sam3/torch_archive.hpp"

namespace samovar::model::sam3 {
namespace {

class mapped_tensors final : public tensor_file {
 public:
  mapped_tensors(std::shared_ptr<const mapped_file> file, file_format format, tensor_table table)
      : file_(std::move(file)), format_(format), table_(std::move(table)) {}
  const std::map<std::string, tensor_view>& tensors() const override { return table_.tensors; }
  file_format format() const override { return format_; }
  std::span<const std::byte> bytes() const override { return file_->bytes(); }
  void forget(const tensor_view& t) const override {
    const std::less<const std::byte*> before;
    const auto all = file_->bytes();
    if (before(t.data, all.data()) || !before(t.data, all.data() + all.size())) return;  // a copy
    file_->forget({t.data, t.byte_size});
  }

 private:
  std::shared_ptr<const mapped_file> file_;
  file_format format_;
  tensor_table table_;
};

}  // namespace

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

std::string_view name_of(file_format f) {
  return f == file_format::safetensors ? "safetensors" : "torch archive";
}

std::optional<std::size_t> bytes_needed(const std::vector<std::int64_t>& shape, element type) {
  std::size_t bytes = bytes_of(type);
  bool empty = false, overflow = false;
  for (const auto side : shape) {
    if (side < 0) return std::nullopt;
    empty = empty || side == 0;
    overflow = overflow || __builtin_mul_overflow(bytes, static_cast<std::size_t>(side), &bytes);
  }
  if (overflow && !empty) return std::nullopt;
  return empty ? 0 : bytes;
}

std::string shown(std::string_view text) {
  constexpr std::size_t chars_max = 80;
  std::string out(text.substr(0, chars_max));
  for (auto& c : out)
    if (c < 32 || c > 126) c = '?';
  return text.size() > chars_max ? out + "..." : out;
}

void check_tensor_name(std::string_view name) {
  const bool plain =
      std::all_of(name.begin(), name.end(), [](char c) { return c > 32 && c < 127; });
  if (name.empty() || name.size() > name_chars_max || !plain)
    throw file_refused("the name \"" + shown(name) + "\" is not one to 512 printable characters");
}

void add_tensor(tensor_table& table, std::string_view name, tensor_view view) {
  check_tensor_name(name);
  if (!table.tensors.emplace(name, std::move(view)).second)
    throw file_refused("tensor \"" + std::string(name) + "\" is there twice");
}

const tensor_view* tensor_file::find(const std::string& name) const {
  const auto& all = tensors();
  const auto found = all.find(name);
  return found == all.end() ? nullptr : &found->second;
}

core::outcome<std::unique_ptr<tensor_file>> open_tensor_file(const std::filesystem::path& path) {
  auto mapped = mapped_file::open(path);
  if (!mapped) return mapped.failure();
  const auto bytes = (*mapped)->bytes();
  const auto format =
      looks_like_torch(bytes) ? file_format::torch_archive : file_format::safetensors;
  auto table =
      format == file_format::torch_archive ? read_torch_archive(bytes) : read_safetensors(bytes);
  if (!table) return table.failure();
  return std::unique_ptr<tensor_file>(
      std::make_unique<mapped_tensors>(std::move(*mapped), format, std::move(*table)));
}

}  // namespace samovar::model::sam3
