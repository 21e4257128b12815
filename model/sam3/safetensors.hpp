// The safetensors format: 8 bytes of length, a JSON header, then the values.
// https://github.com/huggingface/safetensors#format
#pragma once

#include "model/sam3/mapped_file.hpp"
#include "model/sam3/tensor_file.hpp"

namespace samovar::model::sam3 {

/// Headers longer than this are refused, as the format's own library does.
inline constexpr std::uint64_t safetensors_header_bytes_max = 100'000'000;

/// Refuses a header that is not exactly one description of the bytes that follow: every value
/// belongs to one tensor, and every tensor has the bytes that its shape and type ask for.
core::outcome<std::unique_ptr<tensor_file>> open_safetensors(
    std::shared_ptr<const mapped_file> file);

struct tensor_to_write {
  std::string name;
  element type = element::f32;
  std::vector<std::int64_t> shape;
};
/// Length and header of a file that holds these tensors' values one after the other, padded so that
/// the values begin at a multiple of 8 bytes.
std::string safetensors_header(const std::vector<tensor_to_write>& tensors);

}  // namespace samovar::model::sam3
