// What the SAM 3 benchmark times.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "model/sam3/network.hpp"

namespace samovar::bench {

struct timing {
  std::string name;
  std::int64_t batch = 1;
  double median_ms = 0.0;  ///< 0: the stage failed
  double best_ms = 0.0;
  double tflop = 0.0;  ///< work of one run; 0: not counted
  /// Operations of LibTorch that compute something in one run: views and what is made of others are
  /// left out. On a device nearly every one is a launch. Counted in the last warm-up; 0 without.
  std::int64_t operations = 0;
};

struct plan {
  int repeats = 5;
  int warmups = 2;
  std::vector<std::int64_t> batches{1};
  /// Only stages whose name contains one of these; empty: all.
  std::vector<std::string> only;
};

/// Waits until the device has done what it was given.
void wait_for(at::Device device);

/// Trunk, trunk and detector neck, text, ..., find-all from the picture to masks at its size, a box
/// and a click on a cached encoding.
std::vector<timing> time_stages(const model::sam3::network& net, const plan& p);

/// An 8192 (CPU: 2048) square product of random numbers in the type, TFLOP/s.
double matrix_peak_tflops(at::Device device, at::ScalarType type);

/// 2 x multiply-adds of one image: patches, blocks and attention products.
double trunk_tflop(const model::sam3::options& o);
/// The three levels of one neck.
double neck_tflop(const model::sam3::options& o);

}  // namespace samovar::bench
