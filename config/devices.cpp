#include "config/devices.hpp"

#include <algorithm>
#include <regex>

namespace samovar::config {

namespace {

constexpr std::size_t workers_max = 99;
constexpr auto shape =
    "cpu, cpu:N (N workers, up to 99), cuda or cuda:N (N the device's number), several with commas";

core::error bad(const std::string& setting, const std::string& what) {
  return core::make_error(core::error_code::validation_failed, setting + ": " + what, setting);
}

}  // namespace

core::outcome<std::vector<std::string>> device_names(const std::string& list) {
  static const std::regex part("cpu(:([1-9][0-9]?))?|cuda(:(0|[1-9][0-9]?))?");
  std::vector<std::string> out;
  for (std::size_t begin = 0; begin <= list.size();) {
    const auto end = std::min(list.find(',', begin), list.size());
    auto word = list.substr(begin, end - begin);
    begin = end + 1;
    while (word.starts_with(' ')) word.erase(0, 1);
    while (word.ends_with(' ')) word.pop_back();
    std::smatch found;
    if (!std::regex_match(word, found, part))
      return bad("devices.list", std::string("must be ") + shape + ", got '" + list + "'");
    if (word.starts_with("cuda")) {
      out.push_back("cuda:" + (found[4].matched ? found[4].str() : "0"));
    } else {
      const int count = found[2].matched ? std::stoi(found[2].str()) : 1;
      for (int i = 0; i < count; ++i) out.push_back("cpu:" + std::to_string(i));
    }
  }
  auto sorted = out;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end())
    return bad("devices.list", "names " + *twice + " twice in '" + list + "'");
  if (out.size() > workers_max) return bad("devices.list", "has more than 99 workers");
  return out;
}

int cpu_workers(const std::vector<std::string>& names) {
  return static_cast<int>(std::count_if(names.begin(), names.end(),
                                        [](const auto& name) { return name.starts_with("cpu"); }));
}

core::status check_together(const settings& s) {
  const auto names = device_names(s.devices.list);
  if (!names) return names.failure();
  const bool sam3 = s.model.segmenter == "sam3";
  const int on_cpu = cpu_workers(*names);
  if (!sam3 && on_cpu < static_cast<int>(names->size()))
    return bad("devices.list", "cuda devices need the sam3 segmenter (model.segmenter = sam3)");
  if (sam3 && s.model.checkpoint.empty())
    return bad("model.checkpoint", "the sam3 segmenter needs a checkpoint file");
  if (sam3 && s.model.dtype == "fp16" && on_cpu > 0)
    return bad("model.dtype", "fp16 needs cuda devices; the CPU has fp32 and bf16");
  return core::done{};
}

}  // namespace samovar::config
