// What the readers of the two file formats share. Files come from anywhere: every number in them is
// checked before it is used.
#pragma once

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "model/sam3/tensor_file.hpp"

namespace samovar::model::sam3 {

/// A reader's complaint: what is wrong and where, without the format's name.
struct file_refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline constexpr std::size_t axes_max = 16;
inline constexpr std::size_t name_chars_max = 512;

struct tensor_table {
  std::map<std::string, tensor_view> tensors;
  /// Values that the file does not hold in a row; views point into them.
  std::vector<std::vector<std::byte>> copies;
};

/// Bytes that shape and type ask for; nullopt when the product overflows or a side is negative.
std::optional<std::size_t> bytes_needed(const std::vector<std::int64_t>& shape, element type);

/// What a message may quote of a file: printable ASCII, cut at 80 characters.
std::string shown(std::string_view text);

/// Throws file_refused unless the name is 1 to 512 printable ASCII characters without spaces (it
/// will be printed).
void check_tensor_name(std::string_view name);
/// Adds a tensor. Throws file_refused when its name is none, or taken.
void add_tensor(tensor_table& table, std::string_view name, tensor_view view);

}  // namespace samovar::model::sam3
