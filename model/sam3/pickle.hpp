// A pickled dictionary of tensors, read without executing anything.
//
// A pickle is a program for a small stack machine (Python's pickletools.py lists its opcodes).
// This machine has no way to call or import: the handful of names that `torch.save` writes for
// tensors are understood as what they stand for, and every other name or opcode ends the reading.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/sam3/tensor_file.hpp"

namespace samovar::model::sam3 {

/// Longer pickles are refused; a full-size model's has a few hundred kilobytes.
inline constexpr std::size_t pickle_bytes_max = 4 << 20;

/// A tensor as the pickle describes it; nothing is checked against the storage yet.
struct pickled_tensor {
  std::string_view name;
  element type = element::f32;
  std::string_view storage;           ///< name of the archive's entry in data/
  std::int64_t storage_values = 0;    ///< that the storage holds, 0 or more
  std::int64_t offset = 0;            ///< of the first value, 0 or more
  std::vector<std::int64_t> shape;    ///< at most axes_max sides, each 0 or more
  std::vector<std::int64_t> strides;  ///< in values, as many as sides, each 0 or more
};

/// The tensors of the pickled dictionary, or of the one under its key "model". Views into `pickle`.
/// Other values in the dictionary are left out. Throws file_refused.
std::vector<pickled_tensor> read_pickled_tensors(std::string_view pickle);

}  // namespace samovar::model::sam3
