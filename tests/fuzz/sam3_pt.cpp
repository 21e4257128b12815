// What torch.save wrote, or somebody who wants to look like it: as an archive, and as the pickle
// inside one.
#include "model/sam3/pickle.hpp"
#include "model/sam3/torch_archive.hpp"
#include "tests/fuzz/sam3_views.hpp"
#include "tests/fuzz/target.hpp"

namespace samovar::fuzz {

const char* const target_name = "sam3_pt";

void run_target(std::string_view bytes) {
  const auto file = std::as_bytes(std::span<const char>(bytes.data(), bytes.size()));
  const auto read = model::sam3::read_torch_archive(file);
  if (read.ok()) {
    std::size_t copied = 0;
    for (const auto& c : read->copies) copied += c.size();
    require(copied <= bytes.size(), "copies are no larger than the file");
    require(!read->tensors.empty(), "what is accepted has tensors");
    check_views(*read, file);
  } else {
    check_sentence(read.failure().detail);
  }
  try {
    for (const auto& t : model::sam3::read_pickled_tensors(bytes)) {
      require(t.shape.size() == t.strides.size() && t.shape.size() <= model::sam3::axes_max,
              "as many strides as sides");
      require(t.offset >= 0 && t.storage_values >= 0, "sizes are not negative");
      for (std::size_t i = 0; i < t.shape.size(); ++i)
        require(t.shape[i] >= 0 && t.strides[i] >= 0, "sizes are not negative");
    }
  } catch (const model::sam3::file_refused& e) {
    check_sentence(e.what());
  }
}

}  // namespace samovar::fuzz
