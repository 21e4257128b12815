// The entry that libFuzzer calls. An exception ends the process, which is a finding.
#include "tests/fuzz/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of exactly this size on the heap: reading past its end is noticed.
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  samovar::fuzz::run_target(bytes);
  return 0;
}
