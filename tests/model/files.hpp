// Image files made in memory for the tests.
#pragma once

#include <zlib.h>
// jpeglib.h needs these first.
#include <cstddef>
#include <cstdio>

#include <jpeglib.h>
#include <zlib.h>

#include <array>
#include <cstdlib>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

namespace samovar::model::tests {

/// 48 x 32, quadrants of four colours: tells every orientation from the others.
inline cv::Mat quadrants(int width = 48, int height = 32) {
  cv::Mat m(height, width, CV_8UC3);
  const cv::Rect whole(0, 0, width, height);
  m(whole).setTo(cv::Scalar(0, 0, 220));
  m(cv::Rect(width / 2, 0, width / 2, height / 2)).setTo(cv::Scalar(0, 220, 0));
  m(cv::Rect(0, height / 2, width / 2, height / 2)).setTo(cv::Scalar(220, 0, 0));
  m(cv::Rect(width / 2, height / 2, width / 2, height / 2)).setTo(cv::Scalar(230, 230, 230));
  return m;
}

inline std::string encoded(const std::string& extension, const cv::Mat& m,
                           const std::vector<int>& options = {}) {
  std::vector<std::uint8_t> out;
  cv::imencode(extension, m, out, options);
  return {out.begin(), out.end()};
}

inline std::string big32(std::uint32_t v) {
  std::string s;
  for (int shift = 24; shift >= 0; shift -= 8) s += static_cast<char>(v >> shift & 0xFF);
  return s;
}
inline std::string little32(std::uint32_t v) {
  const auto b = big32(v);
  return {b.rbegin(), b.rend()};
}

/// A TIFF-structured EXIF block, little-endian, with the orientation alone.
inline std::string exif_block(int orientation) {
  std::string s("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 18);
  s += static_cast<char>(orientation);
  s += std::string(7, '\0');
  return s;
}

inline std::string jpeg_with_orientation(std::string jpeg, int orientation) {
  const std::string body = std::string("Exif\0\0", 6) + exif_block(orientation);
  const auto length = body.size() + 2;
  std::string segment("\xFF\xE1");
  segment += static_cast<char>(length >> 8);
  segment += static_cast<char>(length & 0xFF);
  return jpeg.insert(2, segment + body);
}

inline std::string png_chunk(const std::string& type, const std::string& body) {
  const std::string covered = type + body;
  return big32(static_cast<std::uint32_t>(body.size())) + covered +
         big32(static_cast<std::uint32_t>(
             crc32_z(0, reinterpret_cast<const Bytef*>(covered.data()), covered.size())));
}

inline std::string png_with_orientation(std::string png, int orientation) {
  return png.insert(33, png_chunk("eXIf", exif_block(orientation)));
}

/// `simple` is a plain lossy or lossless WebP file.
inline std::string webp_with_orientation(const std::string& simple, int width, int height,
                                         int orientation) {
  const auto little24 = [](int v) { return little32(static_cast<std::uint32_t>(v)).substr(0, 3); };
  std::string body = "WEBP";
  body += "VP8X" + little32(10) + std::string("\x08\0\0\0", 4) + little24(width - 1) +
          little24(height - 1);
  body += simple.substr(12);
  const auto exif = exif_block(orientation);
  body += "EXIF" + little32(static_cast<std::uint32_t>(exif.size())) + exif;
  return "RIFF" + little32(static_cast<std::uint32_t>(body.size())) + body;
}

/// One frame of an animation at (x, y) on a canvas; x and y are even.
inline std::string animated_webp(const std::string& simple, cv::Rect frame, cv::Size canvas) {
  const auto little24 = [](int v) { return little32(static_cast<std::uint32_t>(v)).substr(0, 3); };
  std::string one = little24(frame.x / 2) + little24(frame.y / 2) + little24(frame.width - 1) +
                    little24(frame.height - 1) + little24(100) + std::string(1, '\0');
  one += simple.substr(12);
  std::string body = "WEBPVP8X" + little32(10) + std::string("\x02\0\0\0", 4) +
                     little24(canvas.width - 1) + little24(canvas.height - 1);
  body += "ANIM" + little32(6) + std::string(6, '\0');
  body += "ANMF" + little32(static_cast<std::uint32_t>(one.size())) + one;
  return "RIFF" + little32(static_cast<std::uint32_t>(body.size())) + body;
}

/// A CMYK JPEG as Adobe's programs write it: inverted, with their marker.
inline std::string cmyk_jpeg(int width, int height, const std::array<std::uint8_t, 4>& ink) {
  jpeg_compress_struct c{};
  jpeg_error_mgr errors{};
  c.err = jpeg_std_error(&errors);
  jpeg_create_compress(&c);
  unsigned char* out = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&c, &out, &size);
  c.image_width = static_cast<JDIMENSION>(width);
  c.image_height = static_cast<JDIMENSION>(height);
  c.input_components = 4;
  c.in_color_space = JCS_CMYK;
  jpeg_set_defaults(&c);
  c.write_Adobe_marker = TRUE;
  jpeg_start_compress(&c, TRUE);
  std::vector<std::uint8_t> row;
  for (int x = 0; x < width; ++x)
    for (const auto v : ink) row.push_back(static_cast<std::uint8_t>(255 - v));
  JSAMPROW line = row.data();
  for (int y = 0; y < height; ++y) jpeg_write_scanlines(&c, &line, 1);
  jpeg_finish_compress(&c);
  std::string bytes(reinterpret_cast<char*>(out), size);
  jpeg_destroy_compress(&c);
  std::free(out);
  return bytes;
}

/// Uncompressed RGB TIFF in one strip, with the orientation tag.
inline std::string tiff_with_orientation(const cv::Mat& bgr, int orientation) {
  cv::Mat rgb;
  cv::cvtColor(bgr, rgb, cv::COLOR_BGR2RGB);
  const std::string strip(reinterpret_cast<const char*>(rgb.data), rgb.total() * 3);
  const std::uint32_t entries = 10, strip_at = 8 + 2 + entries * 12 + 4 + 6;
  std::string s("II*\0\x08\0\0\0", 8);
  s += std::string("\x0a\0", 2);
  const auto entry = [&](int tag, int type, std::uint32_t count, std::uint32_t value) {
    s += static_cast<char>(tag & 0xFF);
    s += static_cast<char>(tag >> 8);
    s += static_cast<char>(type);
    s += '\0';
    s += little32(count) + little32(value);
  };
  entry(256, 4, 1, static_cast<std::uint32_t>(bgr.cols));
  entry(257, 4, 1, static_cast<std::uint32_t>(bgr.rows));
  entry(258, 3, 3, strip_at - 6);
  entry(259, 3, 1, 1);
  entry(262, 3, 1, 2);
  entry(273, 4, 1, strip_at);
  entry(274, 3, 1, static_cast<std::uint32_t>(orientation));
  entry(277, 3, 1, 3);
  entry(278, 4, 1, static_cast<std::uint32_t>(bgr.rows));
  entry(279, 4, 1, static_cast<std::uint32_t>(strip.size()));
  s += std::string(4, '\0') + std::string("\x08\0\x08\0\x08\0", 6);
  return s + strip;
}

inline cv::Mat oriented(cv::Mat m, int orientation) {
  m = m.clone();
  if (orientation >= 5) cv::transpose(m, m);
  if (orientation == 2 || orientation == 6) cv::flip(m, m, 1);
  if (orientation == 3 || orientation == 7) cv::flip(m, m, -1);
  if (orientation == 4 || orientation == 8) cv::flip(m, m, 0);
  return m;
}

}  // namespace samovar::model::tests
