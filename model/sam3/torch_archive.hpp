// What `torch.save` writes: a zip archive with a pickled dictionary and the tensors' storages.
#pragma once

#include <span>

#include "model/sam3/tensor_table.hpp"

namespace samovar::model::sam3 {

/// True for this format, and for older ones that `torch.save` wrote (which are refused).
bool looks_like_torch(std::span<const std::byte> bytes);

/// Views into `bytes`; tensors whose values do not lie in a row are copied (all copies together are
/// not larger than the file). Nothing is executed: see pickle.hpp. An error names the conversion.
core::outcome<tensor_table> read_torch_archive(std::span<const std::byte> bytes);

}  // namespace samovar::model::sam3
