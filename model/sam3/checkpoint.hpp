// A SAM 3 checkpoint: a file of tensors under one of the two namings, checked against what the
// network reads. No LibTorch here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/errors.hpp"
#include "model/sam3/names.hpp"
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
  naming names = naming::released;
  /// What the network reads and the file has whole, by released name.
  std::map<std::string, checkpoint_tensor> tensors;
  options sizes;
  bool has_config = false;  ///< a config.json lay beside the file
};

/// What is wrong with a checkpoint's tensors, each list sorted; names are the file's own.
struct checkpoint_report {
  std::vector<std::string> missing;
  std::vector<std::string> unknown;
  std::vector<std::string> misshapen;  ///< "name has [1, 2], needs [3, 4]"
  bool complete() const { return missing.empty() && unknown.empty() && misshapen.empty(); }
};
checkpoint_report compare(const checkpoint& c);

/// Finds sizes in the tensors and in the config.json in the same folder when there is one.
/// Not yet compared: see `compare`.
core::outcome<checkpoint> read_checkpoint(std::unique_ptr<tensor_file> file,
                                          const std::filesystem::path& path);
/// Opens, reads and compares; an error names the first misshapen, missing or unknown tensor.
core::outcome<checkpoint> open_checkpoint(const std::filesystem::path& path);

}  // namespace samovar::model::sam3
