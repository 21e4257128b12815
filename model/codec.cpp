#include "model/codec.hpp"

#include <cstring>
#include <fstream>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "model/contour.hpp"
#include "model/header.hpp"
#include "model/jpeg.hpp"
#include "model/png_writer.hpp"

namespace samovar::model {

using core::error_code;
using core::make_error;
using core::outcome;

namespace {

constexpr int thumbnail_quality = 82;

void orient(cv::Mat& m, int orientation) {
  if (orientation >= 5) cv::transpose(m, m);
  switch (orientation) {
    case 2:
    case 6: cv::flip(m, m, 1); break;
    case 3:
    case 7: cv::flip(m, m, -1); break;
    case 4:
    case 8: cv::flip(m, m, 0); break;
    default: break;
  }
}

void u32_little(std::string& out, std::size_t v) {
  for (int i = 0; i < 4; ++i) out += static_cast<char>(v >> 8 * i & 0xFF);
}

/// The first frame of an animated WebP as a file of its own, with its place on the canvas.
struct webp_frame {
  std::string file;
  cv::Rect place;
};

std::optional<webp_frame> first_frame(std::string_view bytes) {
  const byte_reader in{bytes, false};
  if (bytes.substr(12, 4) != "VP8X" || (in.u8(20) & 2) == 0) return std::nullopt;
  for (std::uint64_t at = 12; in.has(at, 8);) {
    const std::uint64_t length = in.u32(at + 4);
    if (bytes.substr(at, 4) == "ANMF" && length > 16 && in.has(at + 8, length)) {
      const auto body = bytes.substr(at + 24, length - 16);
      std::string extended("VP8X\x0a\0\0\0\x10\0\0\0", 12);  // flag: has alpha
      extended.append(bytes.substr(at + 14, 6));             // width-1 and height-1
      webp_frame f;
      f.place = {static_cast<int>(in.u24(at + 8) * 2), static_cast<int>(in.u24(at + 11) * 2),
                 static_cast<int>(in.u24(at + 14) + 1), static_cast<int>(in.u24(at + 17) + 1)};
      f.file = "RIFF";
      u32_little(f.file, 4 + extended.size() + body.size());
      f.file += "WEBP";
      f.file += extended;
      f.file += body;
      return f;
    }
    at += 8 + length + (length & 1);
  }
  return std::nullopt;
}

/// 8/16-bit with 1, 3 or 4 channels to 8-bit BGR; alpha over white. Empty when not handled.
cv::Mat to_bgr(cv::Mat m) {
  if (m.depth() == CV_16U) m.convertTo(m, CV_8U, 1.0 / 257.0);
  if (m.depth() != CV_8U) return {};
  if (m.channels() == 3) return m;
  cv::Mat out;
  if (m.channels() == 1) cv::cvtColor(m, out, cv::COLOR_GRAY2BGR);
  if (m.channels() != 4) return out;
  out.create(m.size(), CV_8UC3);
  cv::Mat alpha;
  cv::extractChannel(m, alpha, 3);
  const bool opaque = cv::countNonZero(alpha) == 0;  // 32-bit BMPs leave the channel at zero
  for (int y = 0; y < m.rows; ++y) {
    const auto* from = m.ptr<cv::Vec4b>(y);
    auto* to = out.ptr<cv::Vec3b>(y);
    for (int x = 0; x < m.cols; ++x) {
      const int a = opaque ? 255 : from[x][3];
      for (int c = 0; c < 3; ++c)
        to[x][c] = static_cast<std::uint8_t>((from[x][c] * a + 255 * (255 - a) + 127) / 255);
    }
  }
  return out;
}

cv::Mat imdecode_quietly(std::string_view bytes) {
  const cv::Mat raw(1, static_cast<int>(bytes.size()), CV_8UC1, const_cast<char*>(bytes.data()));
  try {
    return to_bgr(cv::imdecode(raw, cv::IMREAD_UNCHANGED));
  } catch (const cv::Exception& e) {
    if (e.code == cv::Error::StsNoMem) throw std::bad_alloc();
    return {};
  }
}

cv::Mat decode_other(const image_header& h, std::string_view bytes) {
  if (h.kind == image_kind::tiff && h.orientation_at != 0) {
    // OpenCV would turn TIFFs by itself, but not in every case: take the tag away from it.
    std::string upright(bytes);
    const std::size_t at = h.orientation_at;
    if (at + 2 <= upright.size()) {
      upright[at] = h.big_endian ? 0 : 1;
      upright[at + 1] = h.big_endian ? 1 : 0;
    }
    return imdecode_quietly(upright);
  }
  if (h.kind == image_kind::webp) {
    if (const auto frame = first_frame(bytes)) {
      const cv::Rect whole(0, 0, static_cast<int>(h.width), static_cast<int>(h.height));
      if ((frame->place & whole) != frame->place) return {};  // before its pixels are allocated
      const cv::Mat part = imdecode_quietly(frame->file);
      if (part.size() != frame->place.size()) return {};
      cv::Mat canvas(whole.size(), CV_8UC3, cv::Scalar::all(255));
      part.copyTo(canvas(frame->place));
      return canvas;
    }
  }
  return imdecode_quietly(bytes);
}

core::pixels to_pixels(const cv::Mat& m) {
  core::pixels p{m.cols, m.rows, {}};
  p.data.resize(m.total() * 3);
  cv::Mat target(m.rows, m.cols, CV_8UC3, p.data.data());
  m.copyTo(target);
  return p;
}

class opencv_codec final : public core::image_codec {
 public:
  explicit opencv_codec(const codec_limits& limits) : limits_(limits) {}

  outcome<core::image_facts> inspect_file(const std::filesystem::path& file) override {
    std::ifstream in(file, std::ios::binary);
    if (!in) return not_an_image();
    in.seekg(0, std::ios::end);
    const auto size = static_cast<std::uint64_t>(std::max<std::streamoff>(0, in.tellg()));
    if (size > limits_.file_bytes_max)
      return make_error(error_code::payload_too_large, "The image file is too large.");
    // What is no image at all is refused by its first bytes, before the rest costs memory.
    std::string bytes(std::min<std::uint64_t>(size, 64), '\0');
    in.seekg(0);
    if (!in.read(bytes.data(), static_cast<std::streamsize>(bytes.size())) || !sniff(bytes))
      return not_an_image();
    bytes.resize(size);
    in.seekg(0);
    if (!in.read(bytes.data(), static_cast<std::streamsize>(size))) return not_an_image();
    const auto h = checked_header(bytes);
    if (!h.ok()) return h.failure();
    const auto m = decode_oriented(*h, bytes, 0);
    if (!m.ok()) return m.failure();
    return core::image_facts{std::string(content_type_of(h->kind)),
                             std::string(extension_of(h->kind)), m->cols, m->rows};
  }

  outcome<core::pixels> decode(std::string_view bytes) override {
    const auto h = checked_header(bytes);
    if (!h.ok()) return h.failure();
    if (h->kind == image_kind::jpeg && h->orientation == 1) return decode_jpeg(bytes);
    const auto m = decode_oriented(*h, bytes, 0);
    if (!m.ok()) return m.failure();
    return to_pixels(*m);
  }

  outcome<std::string> thumbnail(std::string_view bytes, int side_px) override {
    const auto h = checked_header(bytes);
    if (!h.ok()) return h.failure();
    auto decoded = decode_oriented(*h, bytes, side_px);
    if (!decoded.ok()) return decoded.failure();
    cv::Mat m = *decoded;
    const double scale = static_cast<double>(side_px) / std::max(m.cols, m.rows);
    if (scale < 1.0) {
      const cv::Size small(std::max(1, static_cast<int>(m.cols * scale + 0.5)),
                           std::max(1, static_cast<int>(m.rows * scale + 0.5)));
      cv::resize(m, m, small, 0, 0, cv::INTER_AREA);
    }
    std::vector<std::uint8_t> out;
    cv::imencode(".jpg", m, out, {cv::IMWRITE_JPEG_QUALITY, thumbnail_quality});
    return std::string(out.begin(), out.end());
  }

  std::string encode_png(std::span<const std::uint8_t> grey, int width, int height) override {
    return write_grey_png(grey, width, height);
  }

  std::vector<std::vector<double>> polygons(const core::rle& mask) override {
    return outer_polygons(mask);
  }

 private:
  outcome<image_header> checked_header(std::string_view bytes) const {
    auto h = read_header(bytes);
    if (!h.ok()) return h;
    if (h->width > limits_.side_px_max || h->height > limits_.side_px_max ||
        static_cast<std::uint64_t>(h->width) * static_cast<std::uint64_t>(h->height) >
            limits_.pixels_max)
      return make_error(error_code::payload_too_large,
                        "The image is " + std::to_string(h->width) + " x " +
                            std::to_string(h->height) + " pixels; the limit is " +
                            std::to_string(limits_.pixels_max / 1'000'000) + " megapixels and " +
                            std::to_string(limits_.side_px_max) + " pixels per side.");
    if (const auto whole = check_whole(*h, bytes); !whole.ok()) return whole.failure();
    return h;
  }

  outcome<cv::Mat> decode_oriented(const image_header& h, std::string_view bytes,
                                   int side_px_min) const {
    cv::Mat m;
    if (h.kind == image_kind::jpeg) {
      auto p = decode_jpeg(bytes, side_px_min);
      if (!p.ok()) return p.failure();
      m = cv::Mat(p->height, p->width, CV_8UC3, p->data.data()).clone();
    } else {
      m = decode_other(h, bytes);
      if (m.empty() || m.cols != h.width || m.rows != h.height) return truncated(name_of(h.kind));
    }
    orient(m, h.orientation);
    return m;
  }

  static std::string_view name_of(image_kind kind) {
    switch (kind) {
      case image_kind::jpeg: return "JPEG";
      case image_kind::png: return "PNG";
      case image_kind::webp: return "WebP";
      case image_kind::tiff: return "TIFF";
      case image_kind::bmp: return "BMP";
    }
    return "image";
  }

  codec_limits limits_;
};

}  // namespace

std::unique_ptr<core::image_codec> make_image_codec(const codec_limits& limits) {
  return std::make_unique<opencv_codec>(limits);
}

}  // namespace samovar::model
