#include "tests/model/sam3/made_files.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <stdexcept>

#include "model/sam3/safetensors.hpp"

namespace samovar::model::sam3::made {
namespace {

std::string values_of(const tensor_view& v) {
  return {reinterpret_cast<const char*>(v.data), v.byte_size};
}

std::string_view storage_class(element e) {
  switch (e) {
    case element::f64: return "DoubleStorage";
    case element::f32: return "FloatStorage";
    case element::f16: return "HalfStorage";
    case element::bf16: return "BFloat16Storage";
    case element::i64: return "LongStorage";
    case element::i32: return "IntStorage";
    case element::i16: return "ShortStorage";
    case element::i8: return "CharStorage";
    case element::u8: return "ByteStorage";
    case element::boolean: return "BoolStorage";
    case element::c64: return "ComplexFloatStorage";
  }
  throw std::logic_error("a type without a storage");
}

std::int64_t count_of(const std::vector<std::int64_t>& shape) {
  std::int64_t n = 1;
  for (const auto side : shape) n *= side;
  return n;
}

std::vector<std::int64_t> row_major(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

struct line {
  std::regex from;
  std::vector<std::string> to;  ///< "$1" is the number
  std::string how;
};

std::vector<std::string> split(const std::string& text, const std::string& by) {
  std::vector<std::string> out;
  std::size_t begin = 0;
  for (std::size_t end = 0; end != std::string::npos; begin = end + by.size()) {
    end = text.find(by, begin);
    out.push_back(text.substr(begin, end == std::string::npos ? end : end - begin));
    if (end == std::string::npos) break;
  }
  return out;
}

/// "a.N.b" with the index as a group or as "$1".
std::string with_index(const std::string& name, const std::string& index) {
  return std::regex_replace(name, std::regex("\\.N(?=\\.|$)"), "." + index);
}

std::vector<line> read_table(const std::filesystem::path& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error(path.string() + " cannot be read");
  std::vector<line> out;
  for (std::string text; std::getline(in, text);) {
    if (text.empty() || text[0] == '#') continue;
    const auto fields = split(text, "\t");
    line l;
    const auto escaped =
        std::regex_replace(with_index(fields.at(0), "#"), std::regex("\\."), "\\.");
    l.from = std::regex(std::regex_replace(escaped, std::regex("#"), "(\\d+)"));
    for (const auto& to : split(fields.at(1), " + ")) l.to.push_back(with_index(to, "$$1"));
    l.how = fields.at(2);
    out.push_back(std::move(l));
  }
  return out;
}

}  // namespace

temporary_folder::temporary_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "sam3-files-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  path_ = name;
}

temporary_folder::~temporary_folder() {
  // Not remove_all: some builds of LibTorch export a broken one of their own.
  for (const auto& file : std::filesystem::directory_iterator(path_)) unlink(file.path().c_str());
  rmdir(path_.c_str());
}

std::filesystem::path temporary_folder::write(const std::string& name,
                                              std::string_view bytes) const {
  std::ofstream out(path_ / name, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) throw std::runtime_error("cannot write " + name);
  return path_ / name;
}

tensor zeros(const std::string& name, element type, std::vector<std::int64_t> shape) {
  const auto bytes = static_cast<std::size_t>(count_of(shape)) * bytes_of(type);
  return {name, type, std::move(shape), std::string(bytes, '\0')};
}

std::vector<tensor> all_of(const tensor_file& file) {
  std::vector<tensor> out;
  for (const auto& [name, view] : file.tensors())
    out.push_back({name, view.type, view.shape, values_of(view)});
  return out;
}

std::string safetensors(const std::vector<tensor>& tensors) {
  std::vector<tensor_to_write> listed;
  std::string values;
  for (const auto& t : tensors) {
    listed.push_back({t.name, t.type, t.shape});
    values += t.values;
  }
  return safetensors_header(listed) + values;
}

std::string safetensors(std::string_view header, std::string_view values) {
  return number(header.size(), 8) + std::string(header) + std::string(values);
}

std::string number(std::uint64_t value, std::size_t width) {
  std::string out;
  for (std::size_t i = 0; i < width; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

void zip::add(const std::string& name, std::string_view contents) {
  const std::size_t at = entries_.size();
  const std::size_t begin = at + 30 + name.size() + 4;
  const std::size_t padding = (64 - begin % 64) % 64;
  const std::string sizes = number(contents.size(), 4) + number(contents.size(), 4);
  entries_ += "PK\x03\x04" + std::string(14, '\0') + sizes + number(name.size(), 2) +
              number(4 + padding, 2) + name + "FB" + number(padding, 2) +
              std::string(padding, 'Z') + std::string(contents);
  last_ = directory_.size();
  directory_ += "PK\x01\x02" + std::string(16, '\0') + sizes + number(name.size(), 2) +
                std::string(12, '\0') + number(at, 4) + name;
  ++count_;
}

void zip::tamper(std::size_t field, std::uint64_t value, std::size_t width) {
  directory_.replace(last_ + field, width, number(value, width));
}

std::string zip::finish(bool with_64_bit_end) const {
  std::string out = entries_ + directory_;
  const auto put_end = [&](std::uint64_t n, std::uint64_t size, std::uint64_t at) {
    out += "PK\x05\x06" + number(0, 4) + number(n, 2) + number(n, 2) + number(size, 4) +
           number(at, 4) + number(0, 2);
  };
  if (!with_64_bit_end) {
    put_end(count_, directory_.size(), entries_.size());
    return out;
  }
  const std::size_t at = out.size();
  out += "PK\x06\x06" + number(44, 8) + number(0x1e, 2) + number(0x1e, 2) + number(0, 8) +
         number(count_, 8) + number(count_, 8) + number(directory_.size(), 8) +
         number(entries_.size(), 8);
  out += "PK\x06\x07" + number(0, 4) + number(at, 8) + number(1, 4);
  put_end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF);
  return out;
}

namespace pickled {

std::string text(std::string_view s) { return "X" + number(s.size(), 4) + std::string(s); }

std::string integer(std::int64_t n) {
  if (n >= 0 && n < 256) return "K" + number(static_cast<std::uint64_t>(n), 1);
  return "\x8a\x08" + number(static_cast<std::uint64_t>(n), 8);
}

std::string tuple(const std::vector<std::string>& items) {
  std::string out = "(";
  for (const auto& i : items) out += i;
  return out + "t";
}

std::string import(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}

std::string storage(const std::string& type, const std::string& key, std::int64_t values) {
  return tuple({text("storage"), import("torch", type), text(key), text("cpu"), integer(values)}) +
         "Q";
}

std::string tensor(const std::string& storage, std::int64_t offset,
                   const std::vector<std::int64_t>& shape,
                   const std::vector<std::int64_t>& strides) {
  const auto numbers = [](const std::vector<std::int64_t>& list) {
    std::vector<std::string> out;
    for (const auto n : list) out.push_back(integer(n));
    return tuple(out);
  };
  return import("torch._utils", "_rebuild_tensor_v2") +
         tuple({storage, integer(offset), numbers(shape), numbers(strides), "\x89",
                import("collections", "OrderedDict") + ")R"}) +
         "R";
}

std::string dictionary(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string out = import("collections", "OrderedDict") + ")R(";
  for (const auto& [key, value] : items) out += text(key) + value;
  return out + "u";
}

std::string whole(const std::string& object) { return "\x80\x02" + object + "."; }

}  // namespace pickled

std::string torch_archive(const std::string& pickle,
                          const std::map<std::string, std::string>& storages) {
  zip out;
  out.add("archive/data.pkl", pickle);
  out.add("archive/byteorder", "little");
  for (const auto& [key, values] : storages) out.add("archive/data/" + key, values);
  out.add("archive/version", "3\n");
  return out.finish();
}

std::string torch_archive(const std::vector<tensor>& tensors, const std::string& under) {
  std::vector<std::pair<std::string, std::string>> items;
  std::map<std::string, std::string> storages;
  for (const auto& t : tensors) {
    const auto key = std::to_string(storages.size());
    storages[key] = t.values;
    items.emplace_back(t.name, pickled::tensor(pickled::storage(std::string(storage_class(t.type)),
                                                                key, count_of(t.shape)),
                                               0, t.shape, row_major(t.shape)));
  }
  const auto inner = pickled::dictionary(items);
  return torch_archive(
      pickled::whole(under.empty() ? inner : pickled::dictionary({{under, inner}})), storages);
}

std::vector<tensor> renamed(const tensor_file& file, const std::filesystem::path& table) {
  const auto lines = read_table(table);
  std::map<std::string, tensor> out;
  for (const auto& [name, view] : file.tensors()) {
    for (const auto& l : lines) {
      std::smatch found;
      if (!std::regex_match(name, found, l.from) || l.to.front()[0] == '-') continue;
      std::vector<std::string> names;
      for (const auto& to : l.to) names.push_back(std::regex_replace(name, l.from, to));
      std::string values = values_of(view);
      auto shape = view.shape;
      if (l.how.starts_with("drop the first")) {
        values.erase(0, values.size() / static_cast<std::size_t>(shape[1]));
        --shape[1];
      }
      if (l.how.starts_with("transpose")) std::swap(shape[0], shape[1]);  // nobody reads it
      const bool splits = l.how.starts_with("split");
      if (splits) shape[0] /= 3;
      for (std::size_t i = 0; i < names.size(); ++i) {
        const auto part = splits ? values.substr(values.size() / 3 * i, values.size() / 3) : values;
        auto [at, fresh] = out.try_emplace(names[i], tensor{names[i], view.type, shape, part});
        if (fresh) continue;
        // Rows of one table, which come in their order.
        at->second.shape[0] += shape[0];
        at->second.values += part;
      }
      break;
    }
  }
  std::vector<tensor> list;
  for (auto& [name, t] : out) list.push_back(std::move(t));
  return list;
}

}  // namespace samovar::model::sam3::made
