// The program's side of the SAM 3 module: finds libsamovar_sam3.so, loads it with dlopen when it is
// first asked for, and checks that it speaks our interface. LibTorch comes into the process with
// it, and stays.
#pragma once

#include <filesystem>
#include <memory>

#include "core/ports.hpp"
#include "model/sam3/segmenter_settings.hpp"

namespace samovar::model {

/// Beside the program, or in ../lib/samovar; empty when it is in neither.
std::filesystem::path find_sam3_module();

/// unavailable, with a sentence for whoever runs the server, when there is no module, when it or
/// its libraries can't be loaded, or when it belongs to another version of the program.
core::status load_sam3_module(const std::filesystem::path& file = find_sam3_module());

/// How many CUDA devices the module's LibTorch sees; -1 when it was built without CUDA.
core::outcome<int> sam3_cuda_devices();

/// See sam3::make_segmenter. Throws std::runtime_error with a sentence.
std::unique_ptr<core::segmenter> make_sam3_segmenter(const sam3::segmenter_settings& s);

}  // namespace samovar::model
