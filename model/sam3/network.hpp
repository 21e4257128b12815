// The whole network: what to call in which order. Stateless after loading and usable from several
// threads; every call must be inside an at::InferenceMode or at::NoGradGuard scope.
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <memory>

#include "model/sam3/decoder.hpp"
#include "model/sam3/fusion_encoder.hpp"
#include "model/sam3/geometry_encoder.hpp"
#include "model/sam3/mask_decoder.hpp"
#include "model/sam3/mask_head.hpp"
#include "model/sam3/neck.hpp"
#include "model/sam3/prompt_encoder.hpp"
#include "model/sam3/scoring.hpp"
#include "model/sam3/text_encoder.hpp"
#include "model/sam3/vision_encoder.hpp"

namespace samovar::model::sam3 {

/// What the detector needs of an image, channels last: [batch, 4g, 4g, d], [.., 2g, 2g, d],
/// [.., g, g, d].
using detector_features = std::array<at::Tensor, 3>;

struct grounding {
  prompt_tokens prompt;
  at::Tensor queries;   ///< [batch, n, d] float32, normalised, of the last layer
  at::Tensor logits;    ///< [batch, n] float32
  at::Tensor presence;  ///< [batch, 1] float32
  at::Tensor boxes;     ///< [batch, n, 4] (cx, cy, w, h) in 0..1
  at::Tensor memory;    ///< [batch, g*g, d]

  /// sigmoid(logits) * sigmoid(presence): [batch, n].
  at::Tensor scores() const { return logits.sigmoid() * presence.sigmoid(); }
};

/// Clicks and boxes for one image, pixels of the original image, on the CPU. One prompt per batch
/// entry; undefined: none.
struct clicks {
  at::Tensor boxes;   ///< [batch, 4] (x0, y0, x1, y1)
  at::Tensor points;  ///< [batch, n, 2] (x, y)
  at::Tensor labels;  ///< [batch, n] int64, 1 foreground, 0 background
  at::Tensor mask;    ///< logits [batch, 1, 4g, 4g] of an answer before
};

struct network {
  options sizes;
  at::Device device = at::kCPU;
  at::ScalarType compute = at::kFloat;
  vision_encoder vision;
  neck detector_neck, interactive_neck;
  at::Tensor positions;  ///< sine map of the smallest level, [g*g, d]
  text_encoder text;
  geometry_encoder geometry;
  fusion_encoder fusion;
  decoder decode;
  scoring score;
  mask_head segment;
  prompt_encoder click_prompts;
  mask_decoder click_masks;

  detector_features detector_levels(const at::Tensor& trunk, const trace& t = {}) const;
  interactive_features interactive_levels(const at::Tensor& trunk, const trace& t = {}) const;
  /// Several prompts on one image (features of batch 1), or one prompt each on several.
  grounding ground(const detector_features& image, const text_features& text,
                   const geometry_prompt& geometry, const trace& t = {}) const;
  /// height and width of the original image, px.
  mask_candidates click(const interactive_features& image, const clicks& prompt,
                        std::int64_t height, std::int64_t width, const trace& t = {}) const;
};

/// Copies the weights to the device. at::kBFloat16 and at::kHalf are compute types beside
/// at::kFloat.
std::shared_ptr<const network> load_network(const checkpoint& from, at::Device device,
                                            at::ScalarType compute, bool padded_windows = false);

}  // namespace samovar::model::sam3
