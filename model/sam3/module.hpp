// The SAM 3 room: a module of its own (libsamovar_sam3.so), loaded with dlopen only when the `sam3`
// segmenter is selected, so that neither the server nor the command line pays for LibTorch
// otherwise. See model/sam3_loader.hpp for the program's side.
#pragma once

#include <string>

#include "core/ports.hpp"
#include "model/sam3/segmenter_settings.hpp"

namespace samovar::model::sam3 {

/// Raised whenever what crosses the boundary changes: the functions below, segmenter_settings, or
/// core::segmenter and its types. A program refuses a module of another number, instead of crashing
/// in it.
inline constexpr int interface_number = 2;

}  // namespace samovar::model::sam3

extern "C" {
/// The interface number the module was built with.
int samovar_sam3_interface_number();
/// How many CUDA devices there are; -1 when this LibTorch was built without CUDA.
int samovar_sam3_cuda_devices();
/// Loads the weights, or shares those of another segmenter on the same device; the caller owns the
/// result. nullptr, with a sentence in `why`, when it can't be. Throws nothing.
samovar::core::segmenter* samovar_sam3_make_segmenter(
    const samovar::model::sam3::segmenter_settings* settings, std::string* why);
}
