// Photographs of Debian's opencv-doc package and the outlines drawn over them by hand.
#pragma once

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

#include "model/classical.hpp"
#include "model/codec.hpp"

namespace samovar::model::tests {

inline std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Fails the test, with the package's name, when the photograph is not installed.
inline std::shared_ptr<const core::pixels> photograph(const std::string& name) {
  std::string bytes;
  for (const auto* folder :
       {"/usr/share/doc/opencv-doc/examples/data", "/usr/share/opencv4/samples/data"}) {
    bytes = read_bytes(std::filesystem::path(folder) / name);
    if (!bytes.empty()) break;
  }
  BOOST_REQUIRE_MESSAGE(!bytes.empty(), name << " is missing: install Debian's opencv-doc");
  auto p = make_image_codec()->decode(bytes);
  BOOST_REQUIRE_MESSAGE(p.ok(), name << " does not decode");
  return std::make_shared<const core::pixels>(std::move(*p));
}

inline std::shared_ptr<const core::pixels> to_pixels(const cv::Mat& bgr) {
  core::pixels p{bgr.cols, bgr.rows, {}};
  p.data.assign(bgr.datastart, bgr.dataend);
  return std::make_shared<const core::pixels>(std::move(p));
}

struct outline {
  std::string name;
  std::string image;
  core::box area;
  nlohmann::json polygons;
  nlohmann::json holes;
};

inline std::vector<outline> outlines() {
  std::vector<outline> out;
  for (const auto& f :
       std::filesystem::directory_iterator(SAMOVAR_SOURCE_DIR "/tests/golden/outlines")) {
    const auto j = nlohmann::json::parse(read_bytes(f.path()));
    const auto b = j.at("box").get<std::vector<int>>();
    out.push_back({f.path().stem(),
                   j.at("image"),
                   {b[0], b[1], b[2], b[3]},
                   j.at("polygons"),
                   j.value("holes", nlohmann::json::array())});
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

/// Rasterised outline, 0/255.
inline cv::Mat reference_mask(const outline& o, int width, int height) {
  cv::Mat m = cv::Mat::zeros(height, width, CV_8UC1);
  const auto paint = [&](const nlohmann::json& shapes, int value) {
    for (const auto& shape : shapes) {
      std::vector<cv::Point> points;
      for (const auto& p : shape)
        points.emplace_back(cvRound(p[0].get<double>() * 16), cvRound(p[1].get<double>() * 16));
      cv::fillPoly(m, std::vector<std::vector<cv::Point>>{points}, cv::Scalar(value), cv::LINE_8,
                   4);
    }
  };
  paint(o.polygons, 255);
  paint(o.holes, 0);
  return m;
}

inline cv::Mat to_mat(const core::rle& mask) {
  const auto bytes = core::decode_rle(mask);
  return cv::Mat(mask.height, mask.width, CV_8UC1, const_cast<std::uint8_t*>(bytes.data())).clone();
}

inline double mask_iou(const cv::Mat& a, const cv::Mat& b) {
  const int both = cv::countNonZero(a & b), any = cv::countNonZero(a | b);
  return any == 0 ? 1.0 : static_cast<double>(both) / any;
}

inline std::vector<core::detection> ask(core::segmenter& s,
                                        const std::shared_ptr<const core::pixels>& image,
                                        core::segmentation_mode mode,
                                        const core::image_prompts& prompts) {
  const core::cancel_token never;
  const auto code = s.encode(image, never);
  BOOST_REQUIRE(code.ok());
  const auto found = s.segment(**code, mode, prompts, never);
  BOOST_REQUIRE_MESSAGE(found.ok(), (found.ok() ? "" : found.failure().detail));
  return *found;
}

inline core::image_prompts boxes(const std::vector<core::box>& areas, core::prompt_type type,
                                 const std::vector<core::box>& negative = {}) {
  core::image_prompts p;
  for (const auto& a : areas) p.boxes.push_back({{}, a, type});
  for (const auto& a : negative) p.boxes.push_back({{}, a, core::prompt_type::negative_exemplar});
  return p;
}

}  // namespace samovar::model::tests
