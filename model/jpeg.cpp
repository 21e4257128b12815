#include "model/jpeg.hpp"

// jpeglib.h needs FILE and size_t declared first.
#include <cstddef>
#include <cstdio>

#include <jerror.h>
#include <jpeglib.h>

#include <algorithm>
#include <csetjmp>

#include "model/header.hpp"

namespace samovar::model {

namespace {

// A progressive file may repeat scans without end; real ones have about ten.
constexpr int scans_max = 200;

struct error_manager {
  jpeg_error_mgr base;
  jmp_buf leave;
  bool damaged = false;
};

void on_error(j_common_ptr info) { longjmp(reinterpret_cast<error_manager*>(info->err)->leave, 1); }

void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  const auto code = info->err->msg_code;
  // Odd but harmless: stray bytes between markers, marker versions. All others mean lost data.
  if (code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM && code != JWRN_JFIF_MAJOR)
    reinterpret_cast<error_manager*>(info->err)->damaged = true;
}

void on_progress(j_common_ptr info) {
  if (info->is_decompressor &&
      reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > scans_max)
    on_error(info);
}

int pick_scale(const jpeg_decompress_struct& d, int side_px_min) {
  const auto side = std::max(d.image_width, d.image_height);
  for (int eighths = 1; side_px_min > 0 && eighths < 8; ++eighths)
    if (side * static_cast<unsigned>(eighths) / 8 >= static_cast<unsigned>(side_px_min))
      return eighths;
  return 8;
}

// Adobe stores CMYK inverted: 255 is no ink.
void cmyk_row(const std::uint8_t* in, std::uint8_t* out, std::size_t count, bool inverted) {
  for (std::size_t i = 0; i < count; ++i, in += 4, out += 3) {
    const int k = inverted ? in[3] : 255 - in[3];
    for (int c = 0; c < 3; ++c) {
      const int ink = inverted ? in[c] : 255 - in[c];
      out[2 - c] = static_cast<std::uint8_t>(ink * k / 255);
    }
  }
}

// Everything with a destructor lives in the caller: longjmp runs none.
bool run(jpeg_decompress_struct& d, error_manager& errors, jpeg_progress_mgr& guard,
         std::string_view bytes, int side_px_min, core::pixels& out,
         std::vector<std::uint8_t>& row) {
  if (setjmp(errors.leave)) return false;
  jpeg_create_decompress(&d);
  d.progress = &guard;
  jpeg_mem_src(&d, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  jpeg_read_header(&d, TRUE);
  const bool cmyk = d.jpeg_color_space == JCS_CMYK || d.jpeg_color_space == JCS_YCCK;
  d.out_color_space = cmyk ? JCS_CMYK : JCS_EXT_BGR;
  d.scale_num = static_cast<unsigned>(pick_scale(d, side_px_min));
  d.scale_denom = 8;
  jpeg_start_decompress(&d);
  out.width = static_cast<std::int32_t>(d.output_width);
  out.height = static_cast<std::int32_t>(d.output_height);
  const std::size_t stride = std::size_t{d.output_width} * 3;
  out.data.resize(stride * d.output_height);
  if (cmyk) row.resize(std::size_t{d.output_width} * 4);
  while (d.output_scanline < d.output_height) {
    std::uint8_t* target = out.data.data() + stride * d.output_scanline;
    JSAMPROW line = cmyk ? row.data() : target;
    if (jpeg_read_scanlines(&d, &line, 1) != 1) return false;
    if (cmyk) cmyk_row(row.data(), target, d.output_width, d.saw_Adobe_marker);
  }
  jpeg_finish_decompress(&d);
  return true;
}

}  // namespace

core::outcome<core::pixels> decode_jpeg(std::string_view bytes, int side_px_min) {
  core::pixels out;
  std::vector<std::uint8_t> row;
  jpeg_decompress_struct d{};
  error_manager errors{};
  jpeg_progress_mgr guard{};
  d.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = on_error;
  errors.base.emit_message = on_message;
  guard.progress_monitor = on_progress;
  bool ok = false;
  try {
    ok = run(d, errors, guard, bytes, side_px_min, out, row);
  } catch (...) {  // bad_alloc from resize: libjpeg's own memory must still go back
    jpeg_destroy_decompress(&d);
    throw;
  }
  jpeg_destroy_decompress(&d);
  if (!ok || errors.damaged) return truncated("JPEG");
  return out;
}

}  // namespace samovar::model
