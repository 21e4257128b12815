// What a fuzz target is: a name and a function of bytes that throws when a promise is broken.
//
// Each target is built twice: with clang's libFuzzer, which looks for new inputs (./test --fuzz),
// and as an ordinary test that replays its corpus and seeded mutations of it (replay.cpp).
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace samovar::fuzz {

/// The corpus is in tests/fuzz/corpus/<name>/.
extern const char* const target_name;
/// Any bytes whatever; must neither crash nor throw, else something was found.
void run_target(std::string_view bytes);

inline void require(bool holds, const char* promise) {
  if (!holds) throw std::logic_error(std::string("broken: ") + promise);
}

/// Takes numbers off the front of the input, so that targets have choices; zeroes when it is empty.
inline std::uint32_t take_number(std::string_view& bytes, std::size_t width) {
  std::uint32_t n = 0;
  for (std::size_t i = 0; i < width && !bytes.empty(); ++i) {
    n = n << 8 | static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
  }
  return n;
}

}  // namespace samovar::fuzz
