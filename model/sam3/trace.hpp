// Shows every named stage of a computation to whoever wants to see it (golden tests).
#pragma once

#include <ATen/ATen.h>

#include <functional>
#include <string>

namespace samovar::model::sam3 {

/// Stage names and layouts are those of tests/golden/sam3. Costs nothing while nobody looks: guard
/// with `if (t)`, so that neither names nor layouts are made.
class trace {
 public:
  using sink = std::function<void(const std::string& name, const at::Tensor& value)>;
  trace() = default;
  explicit trace(sink to, std::string prefix = {})
      : to_(std::move(to)), prefix_(std::move(prefix)) {}
  explicit operator bool() const { return static_cast<bool>(to_); }
  void operator()(const std::string& name, const at::Tensor& value) const {
    to_(prefix_ + name, value);
  }
  trace under(const std::string& prefix) const { return trace(to_, prefix_ + prefix); }

 private:
  sink to_;
  std::string prefix_;
};

}  // namespace samovar::model::sam3
