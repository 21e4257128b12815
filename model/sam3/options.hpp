// Every size of a SAM 3 image model. The defaults are the released model's; a checkpoint's tensor
// shapes and the config.json beside it say otherwise.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/errors.hpp"

namespace samovar::model::sam3 {

struct options {
  // Image
  std::int64_t image_size = 1008;  ///< px, both sides, after resizing
  std::int64_t patch = 14;         ///< px, a divisor of image_size
  double pixel_mean[3] = {0.5, 0.5, 0.5};
  double pixel_std[3] = {0.5, 0.5, 0.5};

  // Vision trunk
  std::int64_t vit_width = 1024;
  std::int64_t vit_depth = 32;
  std::int64_t vit_heads = 16;
  std::int64_t vit_hidden = 4736;
  std::int64_t window = 24;                                ///< tokens per window side
  std::vector<std::int64_t> global_blocks{7, 15, 23, 31};  ///< 0-based
  std::int64_t position_side = 24;                         ///< side of the learned position table
  bool position_has_class_row = true;
  double rope_theta = 10000.0;
  double vit_norm_eps = 1e-5;

  // Text encoder
  std::int64_t vocabulary = 49408;
  std::int64_t context = 32;
  std::int64_t text_width = 1024;
  std::int64_t text_depth = 24;
  std::int64_t text_heads = 16;
  std::int64_t text_hidden = 4096;

  // Detector
  std::int64_t width = 256;  ///< "d" of the specification
  std::int64_t heads = 8;
  std::int64_t hidden = 2048;
  std::int64_t geometry_depth = 3;
  std::int64_t geometry_hidden = 2048;
  bool geometry_points = true;  ///< false: the checkpoint has no point projections
  std::int64_t roi = 7;
  std::int64_t encoder_depth = 6;
  std::int64_t decoder_depth = 6;
  std::int64_t decoder_hidden = 2048;
  std::int64_t queries = 200;
  std::int64_t score_hidden = 2048;
  double score_clamp = 12.0;
  double inverse_sigmoid_eps = 1e-3;
  std::int64_t group_norm_groups = 8;

  // Interactive predictor
  std::int64_t sam_heads = 8;
  std::int64_t sam_depth = 2;
  std::int64_t sam_hidden = 2048;
  std::int64_t sam_inner = 128;  ///< attention width between tokens and image
  std::int64_t sam_iou_hidden = 256;
  std::int64_t mask_tokens = 4;
  std::int64_t mask_channels = 16;
  double stability_delta = 0.05;
  double stability_threshold = 0.98;
  std::int64_t hole_area_max = 256;  ///< low-resolution px, absolute

  std::int64_t grid() const { return image_size / patch; }    ///< tokens per image side
  std::int64_t low_resolution() const { return 4 * grid(); }  ///< px of a mask before resizing
};

/// The shape of the tensor with this (released) name, or nullopt.
using shape_lookup = std::function<std::optional<std::vector<std::int64_t>>(const std::string&)>;

/// What a message calls the tensor with this (released) name.
using shown_name = std::function<std::string(const std::string&)>;

/// Sizes from shapes, the rest from the text of a config.json (empty: there is none), flat or as
/// the transformers library nests it. An error names the tensor or the key.
core::outcome<options> find_options(const shape_lookup& shape, const shown_name& shown,
                                    const std::string& config);

struct expected_tensor {
  std::string name;
  std::vector<std::int64_t> shape;
};
/// Every tensor that inference reads, with its shape, under the released names and in their order.
std::vector<expected_tensor> expected_tensors(const options& o);

}  // namespace samovar::model::sam3
