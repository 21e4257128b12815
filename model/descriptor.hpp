// How a place in an image looks: colours, and the layout of its gradients.
#pragma once

#include <opencv2/core.hpp>

namespace samovar::model {

struct descriptor {
  cv::Mat colors;  ///< CV_32F, soft Lab histogram of the middle, sums to 1
  cv::Mat layout;  ///< CV_32F, 20 x 20 lightness and gradient, zero mean, unit norm
};

/// `mask` (CV_8UC1 of the area's size) says which pixels' colours count; without one, those of the
/// inscribed ellipse.
descriptor describe(const cv::Mat& lab, const cv::Rect& area, const cv::Mat& mask = {});

/// 0 (nothing in common) to 1 (same); of the colours alone.
double color_similarity(const descriptor& a, const descriptor& b);

/// The same of colours and layout.
double similarity(const descriptor& a, const descriptor& b);

/// Size and proportions of a mask, whatever its angle.
struct silhouette {
  double area = 0.0;    ///< px^2
  double length = 1.0;  ///< px, longer side of the smallest turned rectangle around it
  double width = 1.0;   ///< px, shorter side
};

silhouette silhouette_of(const cv::Mat& mask);

/// 0 to 1 (same).
double similarity(const silhouette& a, const silhouette& b);

}  // namespace samovar::model
