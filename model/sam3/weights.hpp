// A checkpoint's tensors as LibTorch tensors on a device.
#pragma once

#include <ATen/ATen.h>

#include <string>

#include "model/sam3/checkpoint.hpp"

namespace samovar::model::sam3 {

/// Copies on demand; nothing of the file stays referenced, and its pages are given back at once.
/// Asking for a tensor that the checkpoint lacks is a programming error (open_checkpoint has
/// compared): std::logic_error.
class weight_source {
 public:
  weight_source(const checkpoint& from, at::Device device, at::ScalarType compute)
      : from_(from), device_(device), compute_(compute) {}
  /// In the type of the matrix products.
  at::Tensor compute(const std::string& name) const { return copy(name, compute_); }
  /// float32, for what must stay exact.
  at::Tensor exact(const std::string& name) const { return copy(name, at::kFloat); }
  const options& sizes() const { return from_.sizes; }
  at::Device device() const { return device_; }
  at::ScalarType compute_type() const { return compute_; }

 private:
  at::Tensor copy(const std::string& name, at::ScalarType type) const;
  const checkpoint& from_;
  at::Device device_;
  at::ScalarType compute_;
};

/// A view's values in their own type on the CPU, copied. Half of complex numbers: a last axis of 2.
at::Tensor copy_of(const tensor_view& view);

}  // namespace samovar::model::sam3
