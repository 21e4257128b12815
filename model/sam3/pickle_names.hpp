// The names that a pickled tensor refers to, as what they stand for. Nothing is ever imported.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "model/sam3/tensor_file.hpp"

namespace samovar::model::sam3 {

enum class known_name : std::uint8_t { ordered_dict, rebuild_tensor, rebuild_parameter };

struct imported {
  std::optional<element> storage_type;  ///< of a storage class; else a function
  known_name function = known_name::ordered_dict;
};

/// Throws file_refused for every other name.
imported find_import(std::string_view module, std::string_view name);

}  // namespace samovar::model::sam3
