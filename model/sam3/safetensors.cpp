#include "model/sam3/safetensors.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "model/sam3/json_reader.hpp"

namespace samovar::model::sam3 {
namespace {

constexpr std::size_t axes_max = 16;

struct described {
  std::optional<element> type;
  std::optional<std::vector<std::int64_t>> shape;
  std::optional<std::vector<std::int64_t>> offsets;
};

struct refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

element parse_element(const std::string& name, const std::string& tensor) {
  for (const element e :
       {element::f64, element::f32, element::f16, element::bf16, element::i64, element::i32,
        element::i16, element::i8, element::u8, element::boolean, element::c64})
    if (name == name_of(e)) return e;
  throw refused("tensor \"" + tensor + "\" has the unknown type \"" + name + "\"");
}

std::vector<std::int64_t> integers(json_reader& in, const std::string& tensor) {
  std::vector<std::int64_t> out;
  in.array([&] {
    if (out.size() == axes_max) throw refused("tensor \"" + tensor + "\" has too many axes");
    out.push_back(in.integer());
    if (out.back() < 0) throw refused("tensor \"" + tensor + "\" has a negative size");
  });
  return out;
}

described read_description(json_reader& in, const std::string& tensor) {
  described d;
  in.object([&](std::string&& key) {
    if (key == "dtype")
      d.type = parse_element(in.string(), tensor);
    else if (key == "shape")
      d.shape = integers(in, tensor);
    else if (key == "data_offsets")
      d.offsets = integers(in, tensor);
    else
      throw refused("tensor \"" + tensor + "\" has the unknown member \"" + key + "\"");
  });
  return d;
}

/// Bytes that shape and type ask for; nullopt when the product overflows.
std::optional<std::size_t> bytes_needed(const std::vector<std::int64_t>& shape, element type) {
  std::size_t bytes = bytes_of(type);
  for (const auto side : shape)
    if (__builtin_mul_overflow(bytes, static_cast<std::size_t>(side), &bytes)) return std::nullopt;
  return bytes;
}

class safetensors_file final : public tensor_file {
 public:
  safetensors_file(std::shared_ptr<const mapped_file> file,
                   std::map<std::string, tensor_view> tensors)
      : file_(std::move(file)), tensors_(std::move(tensors)) {}
  const std::map<std::string, tensor_view>& tensors() const override { return tensors_; }
  void forget(const tensor_view& t) const override { file_->forget({t.data, t.byte_size}); }

 private:
  std::shared_ptr<const mapped_file> file_;
  std::map<std::string, tensor_view> tensors_;
};

tensor_view make_view(const described& d, const std::string& name,
                      std::span<const std::byte> values) {
  if (!d.type || !d.shape || !d.offsets || d.offsets->size() != 2)
    throw refused("tensor \"" + name + "\" is not described fully");
  const auto begin = static_cast<std::size_t>((*d.offsets)[0]);
  const auto end = static_cast<std::size_t>((*d.offsets)[1]);
  if (begin > end || end > values.size())
    throw refused("tensor \"" + name + "\" lies outside the file");
  const auto needed = bytes_needed(*d.shape, *d.type);
  if (!needed || *needed != end - begin)
    throw refused("tensor \"" + name + "\" does not have the bytes that its shape asks for");
  return {*d.type, *d.shape, values.data() + begin, end - begin};
}

/// Tensors must follow one another without gaps or overlaps and fill the file.
void check_cover(const std::map<std::string, tensor_view>& tensors,
                 std::span<const std::byte> values) {
  std::vector<std::pair<const std::byte*, const std::string*>> order;
  for (const auto& [name, view] : tensors) order.emplace_back(view.data, &name);
  std::sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
    const auto sizes = [&](const auto& o) { return tensors.at(*o.second).byte_size; };
    return a.first != b.first ? a.first < b.first : sizes(a) < sizes(b);
  });
  const std::byte* end = values.data();
  for (const auto& [begin, name] : order) {
    if (begin < end) throw refused("tensor \"" + *name + "\" overlaps another");
    if (begin > end) throw refused("there is a gap before tensor \"" + *name + "\"");
    end = begin + tensors.at(*name).byte_size;
  }
  if (end != values.data() + values.size()) throw refused("bytes are left over at the end");
}

std::map<std::string, tensor_view> read_header(std::string_view header,
                                               std::span<const std::byte> values) {
  std::map<std::string, tensor_view> tensors;
  json_reader in(header);
  in.object([&](std::string&& name) {
    if (name == "__metadata__") {
      in.object([&](std::string&&) { in.string(); });
      return;
    }
    const auto view = make_view(read_description(in, name), name, values);
    if (!tensors.emplace(name, view).second)
      throw refused("tensor \"" + name + "\" is there twice");
  });
  in.finish();
  check_cover(tensors, values);
  return tensors;
}

core::error not_safetensors(const std::string& why) {
  return core::make_error(core::error_code::malformed_request,
                          "Not a readable safetensors file: " + why);
}

}  // namespace

core::outcome<std::unique_ptr<tensor_file>> open_safetensors(
    std::shared_ptr<const mapped_file> file) {
  const auto bytes = file->bytes();
  std::uint64_t length = 0;
  if (bytes.size() < 8) return not_safetensors("it is too short");
  std::memcpy(&length, bytes.data(), 8);
  if (length > safetensors_header_bytes_max || length > bytes.size() - 8)
    return not_safetensors("its header's length is wrong");
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + 8, length);
  try {
    auto tensors = read_header(header, bytes.subspan(8 + length));
    return std::unique_ptr<tensor_file>(
        std::make_unique<safetensors_file>(std::move(file), std::move(tensors)));
  } catch (const json_malformed& e) {
    return not_safetensors(std::string("its header has ") + e.what());
  } catch (const refused& e) {
    return not_safetensors(e.what());
  }
}

std::string safetensors_header(const std::vector<tensor_to_write>& tensors) {
  std::string json = "{";
  std::size_t at = 0;
  for (const auto& t : tensors) {
    const std::size_t end = at + bytes_needed(t.shape, t.type).value();
    if (json.size() > 1) json += ',';
    json += '"' + t.name + "\":{\"dtype\":\"" + std::string(name_of(t.type)) + "\",\"shape\":[";
    for (std::size_t i = 0; i < t.shape.size(); ++i) {
      if (i > 0) json += ',';
      json += std::to_string(t.shape[i]);
    }
    json += "],\"data_offsets\":[" + std::to_string(at) + ',' + std::to_string(end) + "]}";
    at = end;
  }
  json += '}';
  json.resize((json.size() + 7) / 8 * 8, ' ');
  std::string out(8, '\0');
  const std::uint64_t length = json.size();
  std::memcpy(out.data(), &length, 8);
  return out + json;
}

}  // namespace samovar::model::sam3
