// The safetensors format: 8 bytes of length, a JSON header, then the values.
// https://github.com/huggingface/safetensors#format
#pragma once

#include <span>

#include "model/sam3/tensor_table.hpp"

namespace samovar::model::sam3 {

/// Headers longer than this are refused, as the format's own library does.
inline constexpr std::uint64_t safetensors_header_bytes_max = 100'000'000;

/// Views into `bytes`. Refuses a header that is not exactly one description of the bytes that
/// follow: every value belongs to one tensor, and every tensor has the bytes that its shape and
/// type ask for.
core::outcome<tensor_table> read_safetensors(std::span<const std::byte> bytes);

struct tensor_to_write {
  std::string name;
  element type = element::f32;
  std::vector<std::int64_t> shape;
};
/// Length and header of a file that holds these tensors' values one after the other, padded so that
/// the values begin at a multiple of 8 bytes.
std::string safetensors_header(const std::vector<tensor_to_write>& tensors);

}  // namespace samovar::model::sam3
