// Checkpoint files that tests make, byte by byte, good and bad.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "model/sam3/tensor_file.hpp"

namespace samovar::model::sam3::made {

/// A folder that goes away with this.
class temporary_folder {
 public:
  temporary_folder();
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  ~temporary_folder();
  const std::filesystem::path& path() const { return path_; }
  /// Writes a file and returns its path.
  std::filesystem::path write(const std::string& name, std::string_view bytes) const;

 private:
  std::filesystem::path path_;
};

struct tensor {
  std::string name;
  element type = element::f32;
  std::vector<std::int64_t> shape;
  std::string values;
};
/// A tensor of zeros.
tensor zeros(const std::string& name, element type, std::vector<std::int64_t> shape);
std::vector<tensor> all_of(const tensor_file& file);
std::string safetensors(const std::vector<tensor>& tensors);
/// Any header over any values.
std::string safetensors(std::string_view header, std::string_view values);

/// Little-endian.
std::string number(std::uint64_t value, std::size_t width);

/// A zip archive, its entries stored and aligned to 64 bytes as torch.save has them.
class zip {
 public:
  void add(const std::string& name, std::string_view contents);
  /// What the directory says about the last entry: changes a field of the given width.
  void tamper(std::size_t field, std::uint64_t value, std::size_t width);
  std::string finish(bool with_64_bit_end = false) const;

 private:
  std::string entries_, directory_;
  std::size_t last_ = 0;  ///< of directory_
  std::size_t count_ = 0;
};

/// Pieces of pickles (protocol 2).
namespace pickled {
std::string text(std::string_view s);
std::string integer(std::int64_t n);
std::string tuple(const std::vector<std::string>& items);
std::string import(const std::string& module, const std::string& name);
std::string storage(const std::string& type, const std::string& key, std::int64_t values);
std::string tensor(const std::string& storage, std::int64_t offset,
                   const std::vector<std::int64_t>& shape,
                   const std::vector<std::int64_t>& strides);
std::string dictionary(const std::vector<std::pair<std::string, std::string>>& items);
/// Header, one object and the end.
std::string whole(const std::string& object);
}  // namespace pickled

/// An archive with this pickle and these storages.
std::string torch_archive(const std::string& pickle,
                          const std::map<std::string, std::string>& storages);
/// What torch.save makes of a dictionary of tensors; `under`: the key that it lies under.
std::string torch_archive(const std::vector<tensor>& tensors, const std::string& under = "");

/// The sentence of a failure, if it is one.
template <class T>
std::string why(const core::outcome<T>& o) {
  return o ? "" : o.failure().detail;
}

/// The file's tensors with the names that the table gives them (tests/golden/
/// transformers-names.tsv), joined, split or repeated as it says; those for video are left out.
std::vector<tensor> renamed(const tensor_file& file, const std::filesystem::path& table);

}  // namespace samovar::model::sam3::made
