// What both readers of tensors promise about what they accept, and about what they say.
#pragma once

#include <algorithm>
#include <functional>
#include <span>

#include "model/sam3/tensor_table.hpp"
#include "tests/fuzz/target.hpp"

namespace samovar::fuzz {

/// A refusal is a sentence that can be printed anywhere, of bounded length.
inline void check_sentence(const std::string& s) {
  require(!s.empty() && s.size() < 1500, "a refusal says why, in a sentence");
  require(std::all_of(s.begin(), s.end(), [](char c) { return c >= 32 && c < 127; }),
          "a refusal can be printed");
}

inline bool lies_in(const model::sam3::tensor_view& v, std::span<const std::byte> in) {
  const std::less_equal<const std::byte*> before;
  return before(in.data(), v.data) && before(v.data + v.byte_size, in.data() + in.size());
}

/// Returns the bytes of all tensors together.
inline std::size_t check_views(const model::sam3::tensor_table& table,
                               std::span<const std::byte> file) {
  std::size_t bytes = 0;
  [[maybe_unused]] volatile unsigned sum = 0;
  for (const auto& named : table.tensors) {
    const auto& name = named.first;
    const auto& v = named.second;
    require(!name.empty() && name.size() <= model::sam3::name_chars_max, "names are short");
    check_sentence(name);
    require(v.shape.size() <= model::sam3::axes_max, "axes are few");
    require(model::sam3::bytes_needed(v.shape, v.type) == v.byte_size, "a shape has its bytes");
    const bool copied = std::any_of(table.copies.begin(), table.copies.end(),
                                    [&](const auto& c) { return lies_in(v, c); });
    require(v.byte_size == 0 || copied || lies_in(v, file), "values are in the file");
    if (v.byte_size > 0)
      sum = sum + static_cast<unsigned>(v.data[0]) + static_cast<unsigned>(v.data[v.byte_size - 1]);
    bytes += v.byte_size;
  }
  return bytes;
}

}  // namespace samovar::fuzz
