// What the benchmark programs print for run.mjs: rows of values with a unit and a goal, as JSON.
#pragma once

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace samovar::bench {

struct goal {
  const char* relation = ">=";
  double number = 0.0;
};
inline goal at_least(double n) { return {">=", n}; }
inline goal at_most(double n) { return {"<=", n}; }

struct row {
  std::string name;  ///< plain text without quotes or backslashes
  std::vector<double> values;
  std::string unit;
  std::optional<goal> wanted;
};

inline void print(const std::vector<row>& rows) {
  std::printf("{\"rows\":[");
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto& r = rows[i];
    std::printf("%s{\"name\":\"%s\",\"unit\":\"%s\",\"values\":[", i > 0 ? "," : "", r.name.c_str(),
                r.unit.c_str());
    for (std::size_t k = 0; k < r.values.size(); ++k)
      std::printf("%s%.6g", k > 0 ? "," : "", r.values[k]);
    std::printf("],\"goal\":");
    if (r.wanted)
      std::printf("[\"%s\",%.6g]}", r.wanted->relation, r.wanted->number);
    else
      std::printf("null}");
  }
  std::printf("]}\n");
}

/// The value of `--repeats N`, at least 3.
inline int repeats_of(int argc, char** argv) {
  for (int i = 1; i + 1 < argc; ++i)
    if (std::string_view(argv[i]) == "--repeats") return std::max(3, std::atoi(argv[i + 1]));
  return 3;
}

}  // namespace samovar::bench
