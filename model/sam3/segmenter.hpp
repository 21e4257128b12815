// The `sam3` segmenter: core::segmenter over the network. Part of the module; no LibTorch in this
// header.
#pragma once

#include <memory>

#include "core/ports.hpp"
#include "model/sam3/segmenter_settings.hpp"

namespace samovar::model::sam3 {

/// Segmenters of one model on one device share one copy of the weights, converted once; it goes
/// with the last of them. Throws std::runtime_error with a sentence that names the file and the
/// tensor, or says that memory did not suffice.
///
/// inside_box: one mask per box, score = predicted quality; an unstable mask gives way to the best
/// of three. point: a single point is ambiguous, so the best of three masks; several points: one.
/// find_all: the text names one concept, or several with ';' or line breaks between them, each
/// found by itself on the same encoding. With one concept, or none (then the word is "visual"),
/// exemplars refine it, as in the reference. With several, negative exemplars go with each, and
/// positive ones are a concept of their own.
///
/// Boxes and concepts are worked on in chunks; where memory is short, in smaller ones; where one
/// alone does not fit, std::bad_alloc is thrown, with a sentence. Cancellation is looked for
/// between stages and before every block of the encoder.
std::unique_ptr<core::segmenter> make_segmenter(const segmenter_settings& s);

/// -1 when this LibTorch was built without CUDA.
int cuda_devices();

}  // namespace samovar::model::sam3
