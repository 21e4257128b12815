// How a place in an image looks: colours, and the layout of its gradients.
#pragma once

#include <opencv2/core.hpp>

namespace samovar::model {

struct descriptor {
  cv::Mat colors;  ///< CV_32F, soft Lab histogram of the middle, sums to 1
  cv::Mat layout;  ///< CV_32F, 20 x 20 lightness and gradient, zero mean, unit norm
};

descriptor describe(const cv::Mat& lab, const cv::Rect& area);

/// 0 (nothing in common) to 1 (same).
double similarity(const descriptor& a, const descriptor& b);

}  // namespace samovar::model
