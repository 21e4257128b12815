// sam3_check [FOLDER] [--device cpu|cuda] [--dtype fp32|bf16|fp16] [--verbose]
//
// Runs the network over a folder of golden data (by default $SAMOVAR_SAM3_GOLDEN, else the
// repository's own) and compares every stage and every result; a golden tensor that nothing was
// compared with is a failure too. In bf16 and fp16 only results are judged, and loosely: the golden
// data are float32. Exit status 0: all good.
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

#include "tests/model/sam3/golden_folder.hpp"
#include "tests/model/sam3/stages.hpp"

using namespace samovar::model::sam3;

namespace {

int report(const golden::run& run, bool verbose) {
  int bad = 0, good = 0;
  double worst = 0.0;
  std::string worst_name;
  for (const auto& v : run.verdicts) {
    if (v.good()) {
      ++good;
      if (v.tolerance > 0 && v.error / v.tolerance > worst) {
        worst = v.error / v.tolerance;
        worst_name = v.name;
      }
    } else {
      ++bad;
    }
    if (verbose || !v.good())
      std::printf("%s  %-60s %.3g (allowed %.3g) %s\n", v.good() ? "ok " : "BAD", v.name.c_str(),
                  v.error, v.tolerance, v.problem.c_str());
  }
  for (const auto& name : run.forgotten)
    std::printf("BAD  nothing was compared with %s\n", name.c_str());
  bad += static_cast<int>(run.forgotten.size());
  std::printf("%d golden comparisons good, %d bad; nearest to its limit: %s (%.0f %%)\n", good, bad,
              worst_name.c_str(), 100 * worst);
  return bad == 0 && good > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  golden::setting s;
  s.folder = golden::folder().string();
  bool verbose = false;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto next = [&] { return i + 1 < argc ? std::string(argv[++i]) : std::string(); };
    if (word == "--device")
      s.device = next();
    else if (word == "--dtype")
      s.dtype = next();
    else if (word == "--verbose")
      verbose = true;
    else
      s.folder = word;
  }
  try {
    std::printf("golden data in %s, %s on %s\n", s.folder.c_str(), s.dtype.c_str(),
                s.device.c_str());
    return report(golden::check(s), verbose);
  } catch (const std::exception& e) {
    std::printf("BAD  %s\n", e.what());
    return 1;
  }
}
