// From the network's masks to detections at the image's size.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "core/cancel_token.hpp"
#include "core/detections.hpp"
#include "model/sam3/network.hpp"

namespace samovar::model::sam3 {

/// Thrown between stages when the token says so.
struct cancelled {};
void stop_if(const core::cancel_token& cancel);

/// Masks of logits [n, 4g, 4g] with their scores [n], in pieces of bounded memory.
void append(std::vector<core::detection>& out, const at::Tensor& logits, const at::Tensor& scores,
            core::size image, const core::cancel_token& cancel);

/// One mask per prompt of a click's answer, small holes filled first.
void append_filled(std::vector<core::detection>& out, const mask_choice& best, const network& net,
                   core::size image, const core::cancel_token& cancel);

}  // namespace samovar::model::sam3
