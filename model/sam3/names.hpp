// The two ways in which a checkpoint names its tensors: as the model was released, and as the
// transformers library does. Everything else in this folder speaks of released names only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace samovar::model::sam3 {

enum class naming : std::uint8_t { released, transformers };
/// "released", "transformers".
std::string_view name_of(naming n);

/// Where a file with some naming keeps a tensor of the network.
struct place {
  /// One name, or the parts that are joined along the first axis, in order. Empty: that naming has
  /// no such tensor.
  std::vector<std::string> names;
  std::vector<std::string> copies;  ///< names under which the same numbers are stored again
  int row = -1;                     ///< only this row of the named tensor; -1: all of it
  int rows = 0;                     ///< that the named tensor has then

  /// "a", "a + b + c", "a, row 2".
  std::string words() const;
};
place find_place(naming n, const std::string& released);

/// True for names that a checkpoint may hold and image inference ignores: rotary tables, text
/// projection, the dropped neck level, the unused convolution, parts for video.
bool is_ignored(naming n, const std::string& name);

/// How a file's tensors are named, judged by their beginnings; released when there is no telling.
class naming_guess {
 public:
  void see(std::string_view name);
  naming best() const {
    return transformers_ > released_ ? naming::transformers : naming::released;
  }

 private:
  std::size_t released_ = 0, transformers_ = 0;
};

}  // namespace samovar::model::sam3
