#include "core/change_detection.hpp"

#include <algorithm>

namespace samovar::core {

namespace {

template <class T>
void sort_by_id(std::vector<T>& v) {
  std::sort(v.begin(), v.end(), [](const T& a, const T& b) { return a.id < b.id; });
}

}  // namespace

bool needs_processing(const image_prompts& current, const std::optional<image_prompts>& covering,
                      segmentation_mode mode, bool force_all) {
  if (force_all) return true;
  auto now = relevant_prompts(current, mode);
  if (!covering) return now.text || !now.boxes.empty() || !now.points.empty();
  auto then = relevant_prompts(*covering, mode);
  for (auto* p : {&now, &then}) {
    sort_by_id(p->boxes);
    sort_by_id(p->points);
  }
  return now != then;
}

}  // namespace samovar::core
