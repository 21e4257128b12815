// What the SAM 3 segmenter of some settings will be, found out without LibTorch and without reading
// the weights: for the server's start, and for the segmenter itself.
#pragma once

#include <optional>
#include <string>

#include "core/ports.hpp"
#include "model/sam3/checkpoint.hpp"
#include "model/sam3/segmenter_settings.hpp"
#include "model/sam3/tokenizer.hpp"

namespace samovar::model::sam3 {

struct description {
  std::string identity;
  core::segmenter_abilities abilities;
  std::string warning;  ///< a sentence for the log, or empty
};

/// Opens and checks the files. An error's sentence names the setting, the file and what is wrong
/// with it (a tensor, a line); it holds paths and is not for clients.
core::outcome<description> describe(const segmenter_settings& s);

/// The parts of it.
core::outcome<checkpoint> open_checkpoint_of(const segmenter_settings& s);
/// nullopt when there is no vocabulary.
core::outcome<std::optional<tokenizer>> open_vocabulary_of(const segmenter_settings& s,
                                                           const options& sizes);
core::segmenter_abilities abilities_of(const std::optional<tokenizer>& words);
/// fp32, bf16 or fp16; auto is bf16 on CUDA, and on a CPU what multiplies faster there.
std::string compute_type_of(const segmenter_settings& s);
/// "sam3/1-<16 hex digits>-<compute type>": the digits tell names, shapes and the first values of
/// every tensor (FNV-1a), so that a model keeps its name wherever its file lies.
std::string identity_of(const checkpoint& c, const std::string& compute_type);

}  // namespace samovar::model::sam3
