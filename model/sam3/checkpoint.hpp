// A SAM 3 checkpoint: a file of tensors under the released names, checked against what the network
// reads. No LibTorch here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/errors.hpp"
#include "model/sam3/options.hpp"
#include "model/sam3/tensor_file.hpp"

namespace samovar::model::sam3 {

/// One tensor of the network; where the file splits it along the first axis, its parts in order.
struct checkpoint_tensor {
  element type = element::f32;
  std::vector<std::int64_t> shape;
  std::vector<tensor_view> parts;
};

struct checkpoint {
  std::unique_ptr<tensor_file> file;
  std::string naming;                                ///< "released" or "transformers"
  std::map<std::string, checkpoint_tensor> tensors;  ///< by released name
  options sizes;
};

/// What is wrong with a checkpoint's tensors, each list sorted by name.
struct checkpoint_report {
  std::vector<std::string> missing;
  std::vector<std::string> unknown;
  std::vector<std::string> misshapen;  ///< "name has [1, 2], needs [3, 4]"
  bool complete() const { return missing.empty() && unknown.empty() && misshapen.empty(); }
};
checkpoint_report compare(const checkpoint& c);

/// Opens the file, and the config.json in the same folder when there is one; sizes come from both.
/// Not yet compared: see `compare`.
core::outcome<checkpoint> read_checkpoint(const std::filesystem::path& path);
/// The same, and an error that names the first unknown, missing or misshapen tensor.
core::outcome<checkpoint> open_checkpoint(const std::filesystem::path& path);

}  // namespace samovar::model::sam3
