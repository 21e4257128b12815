// sam3_bench [--device cpu|cuda|auto] [--dtype fp32|bf16|fp16] [--batches 1,8] [--repeats N]
//            [--warmups N] [--threads N] [--size full|small|thin] [--weights FILE] [--json FILE]
//            [--only NAME,NAME]
// sam3_bench --write FILE [--size full|small|thin]
//
// Times the SAM 3 network at full size, or the stages whose names contain one of NAME. Without
// --weights it writes a checkpoint of random numbers to the temporary folder (1.7 GB) and removes
// it afterwards; --write writes one in float32, as the released one is (3.4 GB). Prints a table;
// --json writes the same. `small` is for trying the program. `thin` has the full model's depths and
// next to no width: on a CPU its times are what calling the operations costs, which is what bounds
// the stages after the encoder on a fast device. A device that is not there is reported as "no
// device" and is no failure.
#include <c10/core/InferenceMode.h>

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "bench/sam3_random.hpp"
#include "bench/sam3_stages.hpp"
#include "model/sam3/blas_kernels.hpp"
#include "model/sam3/threads.hpp"

namespace {

using namespace samovar;
using namespace samovar::model::sam3;

struct arguments {
  std::string device = "auto", dtype = "bf16", size = "full", weights, json, write;
  bench::plan plan;
  int threads = 0;
};

arguments parse(int argc, char** argv) {
  arguments a;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string word = argv[i], value = argv[i + 1];
    if (word == "--device") a.device = value;
    if (word == "--dtype") a.dtype = value;
    if (word == "--weights") a.weights = value;
    if (word == "--json") a.json = value;
    if (word == "--write") a.write = value;
    if (word == "--size") a.size = value;
    if (word == "--warmups") a.plan.warmups = std::max(0, std::stoi(value));
    if (word == "--threads") a.threads = std::stoi(value);
    if (word == "--repeats") a.plan.repeats = std::max(1, std::stoi(value));
    std::istringstream list(value);
    if (word == "--only")
      for (std::string n; std::getline(list, n, ',');) a.plan.only.push_back(n);
    if (word == "--batches") {
      a.plan.batches.clear();
      for (std::string n; std::getline(list, n, ',');) a.plan.batches.push_back(std::stoll(n));
    }
  }
  return a;
}

at::ScalarType scalar_type(const std::string& name) {
  if (name == "fp32") return at::kFloat;
  if (name == "fp16") return at::kHalf;
  return at::kBFloat16;
}

/// Value of a line of /proc/self/status, MB.
double memory_mb(const std::string& key) {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.rfind(key + ":", 0) == 0) return std::stod(line.substr(key.size() + 1)) / 1024;
  return 0.0;
}

options sizes_named(const std::string& name) {
  options o;
  if (name == "thin") {
    o.image_size = 8 * o.patch;
    o.window = 4;
    o.vit_width = o.text_width = o.width = 64;
    o.vit_heads = o.text_heads = 4;
    o.vit_hidden = o.text_hidden = o.hidden = o.geometry_hidden = o.decoder_hidden = 64;
    o.score_hidden = o.sam_hidden = o.sam_inner = o.sam_iou_hidden = 64;
    o.vocabulary = 1000;
    o.queries = 20;
  }
  if (name != "small") return o;
  o.image_size = 1008 / 3;  // one window
  o.vit_width = o.text_width = 256;
  o.vit_heads = o.text_heads = 4;
  o.vit_hidden = o.text_hidden = 1024;
  o.vit_depth = o.text_depth = 2;
  o.global_blocks = {1};
  return o;
}

/// Shapes do not tell everything.
std::string config_of(const options& sizes) {
  std::ostringstream config;
  config << "{\"image_size\":" << sizes.image_size << ",\"window_size\":" << sizes.window
         << ",\"vit_heads\":" << sizes.vit_heads << ",\"text_heads\":" << sizes.text_heads
         << ",\"global_blocks\":[";
  for (std::size_t i = 0; i < sizes.global_blocks.size(); ++i)
    config << (i > 0 ? "," : "") << sizes.global_blocks[i];
  config << "]}";
  return config.str();
}

/// A checkpoint of random numbers that disappears.
struct temporary_checkpoint {
  std::filesystem::path path;
  explicit temporary_checkpoint(const options& sizes) {
    // A folder of its own: a config.json beside would be read.
    std::string name = (std::filesystem::temp_directory_path() / "sam3-bench-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
    const std::filesystem::path folder = name;
    path = folder / "model.safetensors";
    bench::write_random_checkpoint(path, sizes, element::bf16, 1);
    std::ofstream(folder / "config.json") << config_of(sizes);
  }
  ~temporary_checkpoint() {
    // Not remove_all: some builds of LibTorch export a broken one of their own.
    unlink(path.c_str());
    unlink((path.parent_path() / "config.json").c_str());
    rmdir(path.parent_path().c_str());
  }
};

void print(const arguments& a, const std::vector<bench::timing>& rows, double peak) {
  std::printf("%-40s %5s %11s %11s %11s %8s %7s\n", "stage", "batch", "median ms", "best ms",
              "operations", "TFLOP/s", "% peak");
  std::ostringstream json;
  json << "{\"device\":\"" << a.device << "\",\"dtype\":\"" << a.dtype
       << "\",\"matrix_peak_tflops\":" << peak << ",\"rss_mb\":" << memory_mb("VmRSS")
       << ",\"rss_peak_mb\":" << memory_mb("VmHWM") << ",\"stages\":[";
  bool first = true;
  for (const auto& r : rows) {
    const double speed = r.median_ms > 0 ? r.tflop / r.median_ms * 1e3 : 0;
    std::printf("%-40s %5lld %11.2f %11.2f %11lld", r.name.c_str(), static_cast<long long>(r.batch),
                r.median_ms, r.best_ms, static_cast<long long>(r.operations));
    if (r.tflop > 0) std::printf(" %8.1f %6.1f%%", speed, 100 * speed / peak);
    std::printf("\n");
    json << (first ? "" : ",") << "{\"name\":\"" << r.name << "\",\"batch\":" << r.batch
         << ",\"median_ms\":" << r.median_ms << ",\"best_ms\":" << r.best_ms
         << ",\"operations\":" << r.operations << ",\"tflops\":" << speed << "}";
    first = false;
  }
  json << "]}\n";
  if (!a.json.empty()) std::ofstream(a.json) << json.str();
}

int run(arguments a) {
  if (!a.write.empty()) {
    const auto sizes = sizes_named(a.size);
    bench::write_random_checkpoint(a.write, sizes, element::f32, 1);
    std::ofstream(std::filesystem::path(a.write).parent_path() / "config.json") << config_of(sizes);
    return 0;
  }
  const bool cuda = at::hasCUDA();
  if (a.device == "auto") a.device = cuda ? "cuda" : "cpu";
  if (a.device.rfind("cuda", 0) == 0 && !cuda) {
    std::printf("no device\n");
    return 0;
  }
  const c10::InferenceMode no_gradients;  // as in the server
  const auto kernels = fit_blas_kernels();
  const int threads = set_cpu_threads(a.threads);
  const at::Device device(a.device);
  const auto type = scalar_type(a.dtype);
  std::printf("device %s, %s, %d CPU threads%s%s\n", a.device.c_str(), a.dtype.c_str(), threads,
              kernels.empty() ? "" : ", OpenBLAS's kernels: ", kernels.c_str());
  const double before = memory_mb("VmRSS");
  std::shared_ptr<const network> net;
  const auto load = [&](const std::filesystem::path& path) {
    const auto c = open_checkpoint(path);
    if (!c) throw std::runtime_error(c.failure().detail);
    net = load_network(*c, device, type);
    bench::wait_for(device);
  };
  if (a.weights.empty()) {
    const temporary_checkpoint random(sizes_named(a.size));
    load(random.path);
  } else {
    load(a.weights);
  }
  std::printf("resident: %.0f MB before loading, %.0f MB after\n", before, memory_mb("VmRSS"));
  const double peak = bench::matrix_peak_tflops(device, type);
  std::printf("matrix product: %.2f TFLOP/s\n", peak);
  const auto rows = bench::time_stages(*net, a.plan);
  print(a, rows, peak);
  std::printf("resident: %.0f MB, at most %.0f MB\n", memory_mb("VmRSS"), memory_mb("VmHWM"));
  const auto failed = [](const bench::timing& t) { return t.median_ms == 0.0; };
  return std::any_of(rows.begin(), rows.end(), failed) ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // what was measured is seen even if the rest crashes
  try {
    return run(parse(argc, argv));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
