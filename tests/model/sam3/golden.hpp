// Golden tensors: what the reference computed, and a comparison that forgets none.
#pragma once

#include <ATen/ATen.h>

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "model/sam3/tensor_file.hpp"

namespace samovar::model::sam3::golden {

/// How far off a value may be: max|a - b| <= tolerance * max(1, max|b|).
struct verdict {
  std::string name;
  double error = 0.0;  ///< max|a - b| / max(1, max|b|), or the share of differing pixels
  double tolerance = 0.0;
  std::string problem;  ///< not comparable: shapes differ, not a number
  bool good() const { return problem.empty() && error <= tolerance; }
};

/// One file of golden tensors.
class file {
 public:
  /// Throws std::runtime_error with a sentence when the file cannot be read.
  file(const std::filesystem::path& folder, const std::string& name);

  bool has(const std::string& tensor) const;
  /// Names up to the first '.', of tensors whose rest begins with `rest`, sorted.
  std::vector<std::string> cases(const std::string& rest) const;
  /// An input. Throws when it is missing.
  at::Tensor input(const std::string& tensor);
  /// Compares when there is a golden tensor of this name; counts it as compared.
  void compare(const std::string& tensor, const at::Tensor& value, double tolerance);
  /// Rows that are padding in `padding` ([batch, n], true) are left out; value [n, batch, ...].
  void compare_valid(const std::string& tensor, const at::Tensor& value, const at::Tensor& padding,
                     double tolerance);
  /// Masks: the share of pixels that may differ.
  void compare_masks(const std::string& tensor, const at::Tensor& value, double share);
  /// Nothing is compared with tensors whose names begin like this.
  void leave_out(const std::string& beginning);
  void judge(verdict v) { verdicts_.push_back(std::move(v)); }

  const std::vector<verdict>& verdicts() const { return verdicts_; }
  /// Golden tensors, inputs aside, that nothing was compared with.
  std::vector<std::string> forgotten() const;
  const std::string& name() const { return name_; }

 private:
  at::Tensor load(const std::string& tensor) const;
  std::string name_;
  std::unique_ptr<tensor_file> tensors_;
  std::set<std::string> used_;
  std::vector<verdict> verdicts_;
};

}  // namespace samovar::model::sam3::golden
