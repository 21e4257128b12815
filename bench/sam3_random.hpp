// A full-size checkpoint with random weights, so that speed and memory can be measured by whoever
// has no checkpoint.
#pragma once

#include <filesystem>
#include <string>

#include "model/sam3/options.hpp"
#include "model/sam3/tensor_file.hpp"

namespace samovar::bench {

/// Writes every tensor that inference reads (f32 or bf16). Matrices keep the size of what passes
/// through them, norms are near one, so that nothing overflows. The same seed gives the same bytes.
/// Throws std::runtime_error when the disk is full.
void write_random_checkpoint(const std::filesystem::path& to, const model::sam3::options& sizes,
                             model::sam3::element type, std::uint64_t seed);

}  // namespace samovar::bench
