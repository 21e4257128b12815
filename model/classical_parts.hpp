// The parts of the classical segmenter: each works on one BGR image and returns masks of its size.
#pragma once

#include <opencv2/core.hpp>
#include <vector>

#include "core/ports.hpp"

namespace samovar::model {

/// A mask over a part of the image: `mask` is CV_8UC1 0/255 of the size of `place`.
struct found_object {
  cv::Rect place;
  cv::Mat mask;
  double score = 0.0;  ///< 0..1; 0 when nothing was found
};

struct box_options {
  int work_side_px = 288;  ///< longer side of the box's surroundings while the object is sought
};

/// The object that fills `box`. Never throws for any box; an empty mask when box and image don't
/// meet. Stops early, with what it has, when cancelled.
found_object segment_box(const cv::Mat& bgr, const core::box& box, const box_options& options,
                         const core::cancel_token& cancel);

/// The object the positive points are on and the negative ones are not.
found_object segment_points(const cv::Mat& bgr, const std::vector<core::point_prompt>& points,
                            const core::cancel_token& cancel);

/// Moves the boundary of `coarse` (same size as `bgr`) to the image's edges within `band_px`.
cv::Mat refine_boundary(const cv::Mat& bgr, const cv::Mat& coarse, int band_px);

/// Brings a mask found on a shrunk image up to `bgr`'s size, following edges at every level.
cv::Mat upsample(const cv::Mat& bgr, const cv::Mat& small, const core::cancel_token& cancel);

/// Fills holes of up to `area_max` px, and larger ones that the evidence (`front_bias`, may be
/// empty) does not clearly call background: the larger, the clearer it must be.
void fill_holes(cv::Mat& mask, const cv::Mat& front_bias, double area_max);

/// How sure a mask is: agreement of the evidence inside and outside, 0..1.
double mask_score(const cv::Mat& mask, const cv::Mat& front_bias, const cv::Mat& where);

struct match {
  core::box area;
  double score = 0.0;
};

/// Places that look like the positive exemplars and not like the negative ones, best first.
std::vector<match> find_matches(const cv::Mat& bgr, const std::vector<core::box>& positive,
                                const std::vector<core::box>& negative,
                                const core::cancel_token& cancel);

/// Every object of the exemplars' kind, by falling score.
std::vector<found_object> find_all(const cv::Mat& bgr, const std::vector<core::box>& positive,
                                   const std::vector<core::box>& negative,
                                   const core::cancel_token& cancel);

}  // namespace samovar::model
