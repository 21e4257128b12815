// What a mask costs: prompts at 1 Mpx on one core, RLE and PNG at 12 Mpx, decoding and thumbnails.
#include <benchmark/benchmark.h>

#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "model/classical.hpp"
#include "model/codec.hpp"

namespace {

using namespace samovar;

/// A textured object on textured ground that fills most of the image, with thin parts and a hole.
cv::Mat scene(int width, int height) {
  cv::Mat m(height, width, CV_8UC3, cv::Scalar(80, 130, 90)), noise(m.size(), CV_8UC3);
  cv::RNG random(3);
  random.fill(noise, cv::RNG::UNIFORM, 0, 60);
  cv::GaussianBlur(noise, noise, {9, 9}, 2);
  const cv::Point middle(width / 2, height / 2);
  const int r = std::min(width, height) * 2 / 5;
  for (int i = 0; i < 9; ++i)
    cv::ellipse(m, middle, {r, r / 9}, i * 20, 0, 360, cv::Scalar(40, 60 + i * 8, 200), cv::FILLED);
  cv::circle(m, middle, r / 2, cv::Scalar(50, 80, 190), cv::FILLED);
  cv::circle(m, middle, r / 5, cv::Scalar(80, 130, 90), cv::FILLED);
  return m + noise;
}

std::shared_ptr<const core::pixels> pixels_of(const cv::Mat& m) {
  core::pixels p{m.cols, m.rows, {m.datastart, m.dataend}};
  return std::make_shared<const core::pixels>(std::move(p));
}

void prompt(benchmark::State& state, core::segmentation_mode mode, int width, int height,
            const core::image_prompts& prompts) {
  cv::setNumThreads(1);
  const auto s = model::make_classical_segmenter();
  const core::cancel_token never;
  const auto image = pixels_of(scene(width, height));
  for (auto _ : state) {
    const auto code = s->encode(image, never);
    auto found = s->segment(**code, mode, prompts, never);
    benchmark::DoNotOptimize(found);
  }
}

void box_at(benchmark::State& state, int width, int height) {
  core::image_prompts p;
  const int r = std::min(width, height) * 2 / 5 + 8;
  p.boxes.push_back(
      {{}, {width / 2 - r, height / 2 - r, 2 * r, 2 * r}, core::prompt_type::segment});
  prompt(state, core::segmentation_mode::inside_box, width, height, p);
}

void box_1mpx(benchmark::State& state) { box_at(state, 1000, 1000); }
void box_12mpx(benchmark::State& state) { box_at(state, 4000, 3000); }

void point_1mpx(benchmark::State& state) {
  core::image_prompts p;
  p.points.push_back({{}, {500, 350}, true});
  prompt(state, core::segmentation_mode::point, 1000, 1000, p);
}

cv::Mat mask_12mpx() {
  std::vector<cv::Mat> planes;
  cv::split(scene(4000, 3000), planes);
  return (planes[2] - planes[1]) > 40;
}

void rle_and_png_12mpx(benchmark::State& state) {
  const cv::Mat m = mask_12mpx();
  const auto codec = model::make_image_codec();
  std::size_t bytes = 0;
  for (auto _ : state) {
    auto rle = core::encode_rle({m.data, m.total()}, m.rows, m.cols, 4000);
    auto png = codec->encode_png({m.data, m.total()}, m.cols, m.rows);
    bytes = png.size();
    benchmark::DoNotOptimize(rle);
  }
  state.counters["png_bytes"] = static_cast<double>(bytes);
}

void rle_12mpx(benchmark::State& state) {
  const cv::Mat m = mask_12mpx();
  for (auto _ : state) {
    auto rle = core::encode_rle({m.data, m.total()}, m.rows, m.cols, 4000);
    benchmark::DoNotOptimize(rle);
  }
}

void png_12mpx(benchmark::State& state) {
  const cv::Mat m = mask_12mpx();
  const auto codec = model::make_image_codec();
  for (auto _ : state) {
    auto png = codec->encode_png({m.data, m.total()}, m.cols, m.rows);
    benchmark::DoNotOptimize(png);
  }
}

void polygons_12mpx(benchmark::State& state) {
  const cv::Mat m = mask_12mpx();
  const auto codec = model::make_image_codec();
  const auto rle = core::encode_rle({m.data, m.total()}, m.rows, m.cols, 4000);
  for (auto _ : state) benchmark::DoNotOptimize(codec->polygons(rle));
}

std::string jpeg_12mpx() {
  std::vector<std::uint8_t> out;
  cv::imencode(".jpg", scene(4000, 3000), out);
  return {out.begin(), out.end()};
}

void decode_jpeg_12mpx(benchmark::State& state) {
  const auto bytes = jpeg_12mpx();
  const auto codec = model::make_image_codec();
  for (auto _ : state) benchmark::DoNotOptimize(codec->decode(bytes));
}

void thumbnail_12mpx(benchmark::State& state) {
  const auto bytes = jpeg_12mpx();
  const auto codec = model::make_image_codec();
  for (auto _ : state) benchmark::DoNotOptimize(codec->thumbnail(bytes, 256));
}

BENCHMARK(box_1mpx)->Unit(benchmark::kMillisecond);
BENCHMARK(box_12mpx)->Unit(benchmark::kMillisecond);
BENCHMARK(point_1mpx)->Unit(benchmark::kMillisecond);
BENCHMARK(rle_and_png_12mpx)->Unit(benchmark::kMillisecond);
BENCHMARK(rle_12mpx)->Unit(benchmark::kMillisecond);
BENCHMARK(png_12mpx)->Unit(benchmark::kMillisecond);
BENCHMARK(polygons_12mpx)->Unit(benchmark::kMillisecond);
BENCHMARK(decode_jpeg_12mpx)->Unit(benchmark::kMillisecond);
BENCHMARK(thumbnail_12mpx)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
