// Runs the network over golden inputs and compares every stage.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/model/sam3/golden.hpp"

namespace samovar::model::sam3::golden {

struct setting {
  std::string folder;
  std::string device = "cpu";
  std::string dtype = "fp32";     ///< fp32, bf16 or fp16
  std::filesystem::path weights;  ///< empty: weights.safetensors in the folder
};
struct run {
  std::vector<verdict> verdicts;
  std::vector<std::string> forgotten;  ///< "file: tensor"
  std::vector<std::string> left_out;   ///< cases that the checkpoint cannot run, and why
};
/// Throws std::exception when the data cannot be read or the device is not there.
run check(const setting& s);

}  // namespace samovar::model::sam3::golden
