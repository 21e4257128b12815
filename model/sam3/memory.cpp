#include "model/sam3/memory.hpp"

#include <algorithm>
#include <string_view>

namespace samovar::model::sam3 {

bool is_out_of_memory(const std::exception& e) {
  if (dynamic_cast<const std::bad_alloc*>(&e) != nullptr) return true;
  const std::string_view words(e.what());
  for (const std::string_view sign :
       {"out of memory", "can't allocate memory", "not enough memory", "could not create a memory"})
    if (words.find(sign) != std::string_view::npos) return true;
  return false;
}

void in_chunks(std::int64_t total, std::int64_t& at_once,
               const std::function<void(std::int64_t, std::int64_t)>& work) {
  for (std::int64_t begin = 0; begin < total;) {
    const auto count = std::min(at_once, total - begin);
    bool fitted = true;
    try {
      work(begin, count);
    } catch (const std::exception& e) {
      if (!is_out_of_memory(e)) throw;
      fitted = false;
    }
    if (fitted) {
      begin += count;
    } else {
      if (count == 1) throw out_of_memory();
      at_once = count / 2;
    }
  }
}

}  // namespace samovar::model::sam3
