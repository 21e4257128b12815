#include "bench/sam3_stages.hpp"

#include <ATen/record_function.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <unordered_set>

#include "model/sam3/finding.hpp"
#include "model/sam3/half_products.hpp"
#include "model/sam3/preprocess.hpp"

namespace samovar::bench {
namespace {

using namespace model::sam3;

constexpr std::int64_t picture_height = 1200, picture_width = 1600, instances_kept = 20;

thread_local std::vector<bool> calls;  // those now running; true: it has called another
thread_local std::int64_t operations = 0;

bool looks_only(const std::string& name) {
  static const std::unordered_set<std::string> names{
      "alias",       "as_strided",     "detach",     "empty",   "empty_strided",
      "expand",      "narrow",         "permute",    "select",  "slice",
      "split",       "squeeze",        "transpose",  "t",       "unbind",
      "unsqueeze",   "view",           "chunk",      "resize_", "set_",
      "is_nonzero",  "reshape",        "flatten",    "to",      "expand_as",
      "empty_like",  "_reshape_alias", "contiguous", "size",    "_unsafe_view",
      "result_type", "resolve_conj",   "resolve_neg"};
  return names.count(name.substr(name.find("::") + 2)) > 0;
}

/// Operations of `run` on this thread.
std::int64_t count_operations(const std::function<void()>& run) {
  operations = 0;
  const auto handle = at::addThreadLocalCallback(
      at::RecordFunctionCallback(
          [](const at::RecordFunction&) -> std::unique_ptr<at::ObserverContext> {
            if (!calls.empty()) calls.back() = true;
            calls.push_back(false);
            return nullptr;
          },
          [](const at::RecordFunction& f, at::ObserverContext*) {
            const bool made_of_others = calls.back();
            calls.pop_back();
            if (!made_of_others && !looks_only(f.name())) ++operations;
          })
          .scopes({at::RecordScope::FUNCTION}));
  run();
  at::removeCallback(handle);
  return operations;
}

timing time_it(const std::string& name, std::int64_t batch, double tflop, const plan& p,
               at::Device device, const std::function<void()>& run) {
  std::vector<double> ms;
  std::int64_t counted = 0;
  for (int i = -p.warmups; i < p.repeats; ++i) {
    if (i == -1) {
      counted = count_operations(run);
      continue;
    }
    wait_for(device);
    const auto begin = std::chrono::steady_clock::now();
    run();
    wait_for(device);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    if (i >= 0) ms.push_back(took.count());
  }
  std::sort(ms.begin(), ms.end());
  return {name, batch, ms[ms.size() / 2], ms.front(), tflop, counted};
}

at::Tensor random_picture() {
  return at::randint(0, 256, {picture_height, picture_width, 3}, at::kByte);
}

at::Tensor some_ids(const network& net, std::int64_t batch) {
  at::Tensor ids = at::zeros({batch, net.sizes.context}, at::kLong);
  ids.narrow(1, 0, 1).fill_(net.sizes.vocabulary - 2);
  ids.narrow(1, 1, 2).random_(1, net.sizes.vocabulary - 2);
  ids.narrow(1, 3, 1).fill_(net.sizes.vocabulary - 1);
  return ids.to(net.device);
}

at::Tensor see(const network& net, const std::vector<at::Tensor>& pictures) {
  std::vector<at::Tensor> pixels;
  for (const auto& p : pictures) pixels.push_back(preprocess(p.to(net.device), net.sizes));
  return net.vision(at::cat(pixels, 0), {});
}

/// Masks at the picture's size, as bits on the CPU.
at::Tensor whole_masks(const at::Tensor& logits) {
  return packed_masks(logits, picture_height, picture_width);
}

geometry_prompt no_geometry(std::int64_t batch) {
  geometry_prompt p;
  p.batch = batch;
  return p;
}

clicks some_boxes(std::int64_t n) {
  clicks c;
  const at::Tensor corner = at::rand({n, 2}) * 600;
  c.boxes = at::cat({corner, corner + 300}, 1);
  return c;
}

clicks one_point() {
  clicks c;
  c.points = at::tensor({500.0F, 400.0F}).view({1, 1, 2});
  c.labels = at::ones({1, 1}, at::kLong);
  return c;
}

/// A random network's scores mean nothing; the threshold is set so that a usual number is kept.
double threshold_for(const grounding& g) {
  const auto sorted = std::get<0>(g.scores()[0].sort(0, /*descending=*/true)).to(at::kCPU);
  return sorted[std::min<std::int64_t>(instances_kept, sorted.size(0) - 1)].item<double>();
}

}  // namespace

void wait_for(at::Device device) {
  if (device.is_cuda()) at::zeros({1}, at::TensorOptions(device)).item<float>();
}

double trunk_tflop(const options& o) {
  const auto t = static_cast<double>(o.grid() * o.grid());
  const auto w = static_cast<double>(o.vit_width), h = static_cast<double>(o.vit_hidden);
  const auto globals = static_cast<double>(o.global_blocks.size());
  const auto window = static_cast<double>(o.window * o.window);
  const double linear = static_cast<double>(o.vit_depth) * 2 * t * (4 * w * w + 2 * w * h);
  const double attention =
      (static_cast<double>(o.vit_depth) - globals) * 4 * t * window * w + globals * 4 * t * t * w;
  const double patches = 2 * t * w * 3 * static_cast<double>(o.patch * o.patch);
  return (linear + attention + patches) * 1e-12;
}

double neck_tflop(const options& o) {
  const auto t = static_cast<double>(o.grid() * o.grid());
  const auto w = static_cast<double>(o.vit_width), d = static_cast<double>(o.width);
  const double level0 =
      4 * t * w * (w / 2) + 16 * t * (w / 2) * (w / 4) + 16 * t * (w / 4) * d + 16 * t * 9 * d * d;
  const double level1 = 4 * t * w * (w / 2) + 4 * t * (w / 2) * d + 4 * t * 9 * d * d;
  const double level2 = t * w * d + t * 9 * d * d;
  return 2 * (level0 + level1 + level2) * 1e-12;
}

double matrix_peak_tflops(at::Device device, at::ScalarType type) {
  const std::int64_t n = device.is_cuda() ? 8192 : 2048;
  const at::Tensor a = at::randn({n, n}, at::TensorOptions(device)).to(type);
  const at::Tensor b = at::randn({n, n}, at::TensorOptions(device)).to(type);
  at::Tensor c = at::matmul(a, b);
  constexpr int runs = 10;
  const plan p{3, 3, {1}, {}};
  const timing t = time_it("peak", 1, 0, p, device, [&] {
    for (int i = 0; i < runs; ++i) {
      if (half::takes(b, n))  // as the network's layers do it
        half::linear(a, b, {});
      else
        at::matmul_out(c, a, b);
    }
  });
  const auto side = static_cast<double>(n);
  return 2 * side * side * side * runs / t.best_ms * 1e-9;
}

std::vector<timing> time_stages(const network& net, const plan& p) {
  const auto& o = net.sizes;
  const at::Device device = net.device;
  std::vector<timing> out;
  // A stage that nobody asked for still makes what later ones start from.
  const auto wanted = [&](const std::string& name) {
    return p.only.empty() || std::any_of(p.only.begin(), p.only.end(), [&](const auto& part) {
             return name.find(part) != std::string::npos;
           });
  };
  const auto time = [&](const std::string& name, std::int64_t batch, double tflop,
                        const std::function<void()>& run, bool needed = false) {
    if (!wanted(name)) {
      if (needed) run();
      return;
    }
    try {
      out.push_back(time_it(name, batch, tflop, p, device, run));
      std::fprintf(stderr, "%s, batch %d: %.2f ms\n", name.c_str(), static_cast<int>(batch),
                   out.back().median_ms);
    } catch (const std::exception& e) {  // the other stages' numbers are worth having all the same
      std::fprintf(stderr, "%s failed: %s\n", name.c_str(), e.what());
      out.push_back({name, batch});
    }
  };
  for (const auto batch : p.batches) {
    std::vector<at::Tensor> pictures;
    for (std::int64_t i = 0; i < batch; ++i) pictures.push_back(random_picture());
    const at::Tensor pixels =
        preprocess(pictures.front().to(device), o).expand({batch, -1, -1, -1}).contiguous();
    const auto n = static_cast<double>(batch);
    time("preprocess", batch, 0, [&] {
      for (const auto& picture : pictures) preprocess(picture.to(device), o);
    });
    at::Tensor trunk;
    time(
        "trunk", batch, n * trunk_tflop(o), [&] { trunk = net.vision(pixels, {}); }, true);
    detector_features levels;
    time(
        "detector neck", batch, n * neck_tflop(o), [&] { levels = net.detector_levels(trunk); },
        true);
    time("encoder (trunk + detector neck)", batch, n * (trunk_tflop(o) + neck_tflop(o)),
         [&] { net.detector_levels(net.vision(pixels, {})); });
    const at::Tensor ids = some_ids(net, batch);
    text_features words;
    time(
        "text", batch, 0, [&] { words = net.text(ids, {}); }, true);
    grounding found;
    time(
        "grounding (fusion + decoder + scores)", batch, 0,
        [&] { found = net.ground(levels, words, no_geometry(batch)); }, true);
    finding_options finding;
    finding.threshold = threshold_for(found);
    time("masks of the kept queries", batch, 0, [&] {
      for (const auto& i :
           find_instances(net, levels, found, picture_height, picture_width, finding))
        if (i.logits.size(0) > 0) whole_masks(i.logits);
    });
    time("find-all, picture to masks", batch, 0, [&] {
      const detector_features seen = net.detector_levels(see(net, pictures));
      const grounding g = net.ground(seen, net.text(ids, {}), no_geometry(batch));
      for (const auto& i : find_instances(net, seen, g, picture_height, picture_width, finding))
        if (i.logits.size(0) > 0) whole_masks(i.logits);
    });
    if (batch > 1) continue;
    interactive_features clickable;
    time(
        "interactive neck", 1, neck_tflop(o), [&] { clickable = net.interactive_levels(trunk); },
        true);
    const auto click = [&](const clicks& c) {
      const auto chosen =
          net.click_masks.choose_one(net.click(clickable, c, picture_height, picture_width), {});
      whole_masks(without_holes(chosen.masks, o).flatten(0, 1).to(device));
    };
    const clicks box = some_boxes(1), eight = some_boxes(8), point = one_point();
    time("box on a cached encoding", 1, 0, [&] { click(box); });
    time("8 boxes on a cached encoding", 1, 0, [&] { click(eight); });
    time("point on a cached encoding", 1, 0, [&] { click(point); });
  }
  return out;
}

}  // namespace samovar::bench
