// Mixtures of Gaussians over 8-bit Lab colours, and the binary cut they feed.
#pragma once

#include <opencv2/core.hpp>
#include <vector>

namespace samovar::model {

/// Makes OpenCV's thread-local random numbers start over, so that results repeat.
void reset_random();

class color_mixture {
 public:
  /// Fits up to `parts` Gaussians to the pixels of `lab` (CV_8UC3) under `mask` (CV_8UC1), from at
  /// most a few thousand samples. False when no pixel is under the mask.
  bool fit(const cv::Mat& lab, const cv::Mat& mask, int parts);
  /// -log density; colours far from every part are capped by a uniform outlier part.
  float cost(const cv::Vec3b& color) const;

 private:
  struct gaussian {
    cv::Vec3f mean;
    cv::Matx33f inverse;
    float log_scale = 0.0F;  ///< log(weight / sqrt((2 pi)^3 det))
  };
  std::vector<gaussian> parts_;
};

/// -log p(color | background) + log p(color | foreground) for every pixel under `where`; 0
/// elsewhere. Positive speaks for the foreground. CV_32F, clamped to +-`limit`.
cv::Mat log_ratio(const cv::Mat& lab, const cv::Mat& where, const color_mixture& foreground,
                  const color_mixture& background, float limit);

enum seed : std::uint8_t { open = 0, surely_back = 1, surely_front = 2 };

/// Minimum cut over 8-connected pixels: `front_bias` (CV_32F) is the unary evidence, contrast-
/// weighted smoothness `gamma` the price of an edge. Pixels seeded surely_* whose neighbours are
/// all surely_* too take no part, so a narrow open band is cheap. Returns CV_8UC1 0/255.
cv::Mat cut(const cv::Mat& lab, const cv::Mat& front_bias, const cv::Mat& seeds, float gamma);

}  // namespace samovar::model
