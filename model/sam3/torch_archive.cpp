#include "model/sam3/torch_archive.hpp"

#include <algorithm>
#include <cstring>

#include "model/sam3/pickle.hpp"
#include "model/sam3/zip_archive.hpp"

namespace samovar::model::sam3 {
namespace {

using entries = std::map<std::string, std::span<const std::byte>>;

std::string_view text(std::span<const std::byte> b) {
  return {reinterpret_cast<const char*>(b.data()), b.size()};
}

/// Everything is in one folder, whose name is any.
std::string find_folder(const entries& all) {
  constexpr std::string_view pickle = "/data.pkl";
  std::string folder;
  for (const auto& [name, contents] : all) {
    if (!name.ends_with(pickle)) continue;
    if (!folder.empty()) throw file_refused("it holds several pickles");
    folder = name.substr(0, name.size() - pickle.size() + 1);
  }
  if (folder.empty()) throw file_refused("it holds no data.pkl");
  return folder;
}

/// Values from the first to behind the last; nullopt when that overflows.
std::optional<std::int64_t> reach(const pickled_tensor& t) {
  std::int64_t last = t.offset;
  for (std::size_t i = 0; i < t.shape.size(); ++i) {
    std::int64_t step = 0;
    if (t.shape[i] == 0) return 0;
    if (__builtin_mul_overflow(t.shape[i] - 1, t.strides[i], &step) ||
        __builtin_add_overflow(last, step, &last))
      return std::nullopt;
  }
  std::int64_t end = 0;
  if (__builtin_add_overflow(last, std::int64_t{1}, &end)) return std::nullopt;
  return end;
}

bool in_a_row(const pickled_tensor& t) {
  std::int64_t step = 1;
  for (std::size_t i = t.shape.size(); i-- > 0;) {
    if (t.shape[i] != 1 && t.strides[i] != step) return false;
    step *= t.shape[i];
  }
  return true;
}

/// The values of a tensor in row-major order. The reach was checked.
std::vector<std::byte> gather(const pickled_tensor& t, const std::byte* storage,
                              std::size_t byte_size) {
  const std::size_t width = bytes_of(t.type);
  std::vector<std::byte> out(byte_size);
  std::vector<std::int64_t> at(t.shape.size(), 0);
  std::int64_t from = t.offset;
  for (std::size_t to = 0; to < byte_size; to += width) {
    std::memcpy(out.data() + to, storage + static_cast<std::size_t>(from) * width, width);
    for (std::size_t i = t.shape.size(); i-- > 0;) {
      from += t.strides[i];
      if (++at[i] < t.shape[i]) break;
      from -= at[i] * t.strides[i];
      at[i] = 0;
    }
  }
  return out;
}

class builder {
 public:
  explicit builder(std::span<const std::byte> file)
      : all_(read_stored_zip(file)), folder_(find_folder(all_)), copies_left_(file.size()) {}

  tensor_table build() {
    const auto order = all_.find(folder_ + "byteorder");
    if (order != all_.end() && text(order->second) != "little")
      throw file_refused("its numbers are not little-endian");
    for (const auto& t : read_pickled_tensors(text(all_.at(folder_ + "data.pkl")))) add(t);
    return std::move(table_);
  }

 private:
  void add(const pickled_tensor& t) {
    check_tensor_name(t.name);
    const std::string quoted = "tensor \"" + std::string(t.name) + "\"";
    const auto found = all_.find(folder_ + "data/" + std::string(t.storage));
    if (found == all_.end()) throw file_refused("the values of " + quoted + " are missing");
    const auto storage = found->second;
    const auto held = bytes_needed({t.storage_values}, t.type);
    if (!held || *held > storage.size())
      throw file_refused("the storage of " + quoted + " is shorter than it says");
    const auto needed = bytes_needed(t.shape, t.type);
    const auto end = reach(t);
    // Values may be shared between tensors, but not within one: that could be any number.
    if (!needed || *needed > *held || !end || *end > t.storage_values)
      throw file_refused(quoted + " reaches beyond its storage");
    tensor_view view{t.type, t.shape, storage.data(), *needed};
    if (*needed > 0 && in_a_row(t)) {
      view.data += static_cast<std::size_t>(t.offset) * bytes_of(t.type);
    } else if (*needed > 0) {
      if (*needed > copies_left_) throw file_refused("its tensors overlap too much");
      copies_left_ -= *needed;
      view.data = table_.copies.emplace_back(gather(t, storage.data(), *needed)).data();
    }
    add_tensor(table_, t.name, std::move(view));
  }

  entries all_;
  std::string folder_;
  std::size_t copies_left_;  ///< bytes
  tensor_table table_;
};

bool begins_with(std::span<const std::byte> bytes, std::string_view with) {
  return text(bytes).starts_with(with);
}

core::error not_readable(const std::string& why) {
  return core::make_error(core::error_code::malformed_request,
                          "Not a readable checkpoint of torch.save: " + why +
                              ". If you trust the file, load it in Python with torch.load and "
                              "write its tensors with safetensors.torch.save_file");
}

}  // namespace

bool looks_like_torch(std::span<const std::byte> bytes) {
  using namespace std::string_view_literals;
  // The older format begins with its magic number, pickled.
  return begins_with(bytes, "PK\x03\x04"sv) || begins_with(bytes, "\x80\x02\x8a\x0al\xfc"sv);
}

core::outcome<tensor_table> read_torch_archive(std::span<const std::byte> bytes) {
  if (!begins_with(bytes, "PK"))
    return not_readable("it is a bare pickle, as torch.save wrote before version 1.6");
  try {
    return builder(bytes).build();
  } catch (const file_refused& e) {
    return not_readable(e.what());
  }
}

}  // namespace samovar::model::sam3
