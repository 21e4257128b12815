#include "model/sam3/safetensors.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "model/sam3/json_reader.hpp"

namespace samovar::model::sam3 {
namespace {

struct described {
  std::optional<element> type;
  std::optional<std::vector<std::int64_t>> shape;
  std::optional<std::vector<std::int64_t>> offsets;
};

element parse_element(const std::string& name, const std::string& tensor) {
  for (const element e :
       {element::f64, element::f32, element::f16, element::bf16, element::i64, element::i32,
        element::i16, element::i8, element::u8, element::boolean, element::c64})
    if (name == name_of(e)) return e;
  throw file_refused("tensor \"" + tensor + "\" has the unknown type \"" + shown(name) + "\"");
}

std::vector<std::int64_t> integers(json_reader& in, const std::string& tensor) {
  std::vector<std::int64_t> out;
  in.array([&] {
    if (out.size() == axes_max) throw file_refused("tensor \"" + tensor + "\" has too many axes");
    out.push_back(in.integer());
    if (out.back() < 0) throw file_refused("tensor \"" + tensor + "\" has a negative size");
  });
  return out;
}

described read_description(json_reader& in, const std::string& tensor) {
  described d;
  const auto once = [&](bool there) {
    if (there) throw file_refused("tensor \"" + tensor + "\" is described twice");
  };
  in.object([&](std::string&& key) {
    if (key == "dtype") {
      once(d.type.has_value());
      d.type = parse_element(in.string(), tensor);
    } else if (key == "shape") {
      once(d.shape.has_value());
      d.shape = integers(in, tensor);
    } else if (key == "data_offsets") {
      once(d.offsets.has_value());
      d.offsets = integers(in, tensor);
    } else {
      throw file_refused("tensor \"" + tensor + "\" has the unknown member \"" + shown(key) + "\"");
    }
  });
  return d;
}

tensor_view make_view(const described& d, const std::string& name,
                      std::span<const std::byte> values) {
  if (!d.type || !d.shape || !d.offsets || d.offsets->size() != 2)
    throw file_refused("tensor \"" + name + "\" is not described fully");
  const auto begin = static_cast<std::size_t>((*d.offsets)[0]);
  const auto end = static_cast<std::size_t>((*d.offsets)[1]);
  if (begin > end || end > values.size())
    throw file_refused("tensor \"" + name + "\" lies outside the file");
  const auto needed = bytes_needed(*d.shape, *d.type);
  if (!needed || *needed != end - begin)
    throw file_refused("tensor \"" + name + "\" does not have the bytes that its shape asks for");
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
    if (begin < end) throw file_refused("tensor \"" + *name + "\" overlaps another");
    if (begin > end) throw file_refused("there is a gap before tensor \"" + *name + "\"");
    end = begin + tensors.at(*name).byte_size;
  }
  if (end != values.data() + values.size()) throw file_refused("bytes are left over at the end");
}

tensor_table read_header(std::string_view header, std::span<const std::byte> values) {
  tensor_table table;
  bool has_metadata = false;
  json_reader in(header);
  in.object([&](std::string&& name) {
    if (name == "__metadata__") {
      if (has_metadata) throw file_refused("\"__metadata__\" is there twice");
      has_metadata = true;
      in.object([&](std::string&&) { in.string(); });
      return;
    }
    check_tensor_name(name);
    add_tensor(table, name, make_view(read_description(in, name), name, values));
  });
  in.finish();
  check_cover(table.tensors, values);
  return table;
}

core::error not_safetensors(const std::string& why) {
  return core::make_error(core::error_code::malformed_request,
                          "Not a readable safetensors file: " + why);
}

}  // namespace

core::outcome<tensor_table> read_safetensors(std::span<const std::byte> bytes) {
  std::uint64_t length = 0;
  if (bytes.size() < 8) return not_safetensors("it is too short");
  std::memcpy(&length, bytes.data(), 8);
  if (length > safetensors_header_bytes_max || length > bytes.size() - 8)
    return not_safetensors("its header's length is wrong");
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + 8, length);
  try {
    return read_header(header, bytes.subspan(8 + length));
  } catch (const json_malformed& e) {
    return not_safetensors(std::string("its header has ") + e.what());
  } catch (const file_refused& e) {
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
