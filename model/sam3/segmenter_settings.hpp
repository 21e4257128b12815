// What a SAM 3 segmenter is made from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace samovar::model::sam3 {

struct segmenter_settings {
  std::filesystem::path checkpoint;
  /// The list of merges. Empty: `bpe_simple_vocab_16e6.txt.gz` or `merges.txt` beside the
  /// checkpoint; where there is none, texts are refused.
  std::filesystem::path vocabulary;
  std::string dtype = "auto";  ///< auto, fp32, bf16, fp16 (CUDA only)
  std::string device = "cpu";  ///< cpu, cpu:N (all the same processor) or cuda:N
  int threads = 0;             ///< for products on the CPU; 0: as many as there are processors
  double score_min = 0.5;      ///< find all: scores must be greater
  double overlap_max = 1.0;    ///< find all: of two masks with a greater intersection over union,
                               ///< the one with the lower score goes; 1: none does
  std::uint64_t area_min = 1;  ///< find all: px of the image; smaller masks are left out
  int boxes_at_once = 0;       ///< 0: chosen for the device
  int concepts_at_once = 0;    ///< 0: chosen for the device
};

}  // namespace samovar::model::sam3
