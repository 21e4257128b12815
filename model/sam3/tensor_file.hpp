// Tensors in a file: safetensors (mapped, never copied) or the zip of a pickled state dictionary
// that `torch.save` writes. No LibTorch here: names, shapes and bytes only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/errors.hpp"

namespace samovar::model::sam3 {

enum class element : std::uint8_t { f64, f32, f16, bf16, i64, i32, i16, i8, u8, boolean, c64 };

/// Bytes of one value: 8, 4, 2, 2, 8, 4, 2, 1, 1, 1, 8 (c64: two floats).
std::size_t bytes_of(element e);
/// As safetensors writes it: "F32", "BF16", "BOOL", ...
std::string_view name_of(element e);

/// Row-major and without gaps, little-endian, lives as long as its file. Not necessarily aligned.
struct tensor_view {
  element type = element::f32;
  std::vector<std::int64_t> shape;  ///< empty for a scalar; a side may be 0
  const std::byte* data = nullptr;
  std::size_t byte_size = 0;  ///< product(shape) * bytes_of(type)
};

enum class file_format : std::uint8_t { safetensors, torch_archive };
/// "safetensors", "torch archive".
std::string_view name_of(file_format f);

class tensor_file {
 public:
  virtual ~tensor_file() = default;
  virtual const std::map<std::string, tensor_view>& tensors() const = 0;
  virtual file_format format() const = 0;
  /// The whole file.
  virtual std::span<const std::byte> bytes() const = 0;
  /// A hint: this tensor's values were copied, its pages need not stay in memory.
  virtual void forget(const tensor_view& tensor) const = 0;
  /// nullptr when there is none of this name.
  const tensor_view* find(const std::string& name) const;
};

/// Decides by content. An error's sentence says what is wrong and where, without the path's folder.
/// Nothing in the file is executed, and a hostile file costs neither a crash nor memory beyond its
/// own size and some 64 MB.
core::outcome<std::unique_ptr<tensor_file>> open_tensor_file(const std::filesystem::path& path);

}  // namespace samovar::model::sam3
