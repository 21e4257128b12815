// The SAM 3 room: a module of its own (libsamovar_sam3.so), loaded with dlopen only when the `sam3`
// segmenter is selected, so that neither the server nor the command line pays for LibTorch
// otherwise.
//
// So far it holds the agreement between program and module and nothing else: settings refuse
// `model.segmenter = sam3` with a sentence until the segmenter is here.
#pragma once

namespace samovar::model::sam3 {

/// Raised whenever the ports that cross the boundary (core::segmenter and its types) change. A
/// program refuses a module of another number, instead of crashing in it.
inline constexpr int interface_number = 1;

}  // namespace samovar::model::sam3

extern "C" {
/// The interface number the module was built with.
int samovar_sam3_interface_number();
}
