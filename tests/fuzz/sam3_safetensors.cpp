// Files of tensors, whoever made them: what is accepted lies in the file, once.
#include "model/sam3/safetensors.hpp"
#include "tests/fuzz/sam3_views.hpp"
#include "tests/fuzz/target.hpp"

namespace samovar::fuzz {

const char* const target_name = "sam3_safetensors";

void run_target(std::string_view bytes) {
  const auto file = std::as_bytes(std::span<const char>(bytes.data(), bytes.size()));
  const auto read = model::sam3::read_safetensors(file);
  if (!read.ok()) {
    check_sentence(read.failure().detail);
    return;
  }
  require(read->copies.empty(), "nothing is copied");
  require(check_views(*read, file) <= bytes.size(), "no value belongs to two tensors");
}

}  // namespace samovar::fuzz
