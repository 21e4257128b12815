// Where the golden data are.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

namespace samovar::model::sam3::golden {

inline std::string value_of(const char* variable, const char* otherwise) {
  const char* value = std::getenv(variable);
  return value && *value ? value : otherwise;
}

/// $SAMOVAR_SAM3_GOLDEN, else the repository's own.
inline std::filesystem::path folder() {
  return value_of("SAMOVAR_SAM3_GOLDEN", SAMOVAR_SOURCE_DIR "/tests/golden/sam3");
}

}  // namespace samovar::model::sam3::golden
