#include "model/sam3/checkpoint.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

namespace samovar::model::sam3 {
namespace {

std::string words(const std::vector<std::int64_t>& shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) out += ", ";
    out += std::to_string(shape[i]);
  }
  return out + "]";
}

core::outcome<std::string> config_beside(const std::filesystem::path& path) {
  constexpr std::uintmax_t config_bytes_max = 1 << 20;
  const auto config = path.parent_path() / "config.json";
  std::error_code problem;
  const auto size = std::filesystem::file_size(config, problem);
  if (problem) return std::string();
  if (size > config_bytes_max)
    return core::make_error(core::error_code::malformed_request, "config.json is too large");
  std::ifstream in(config, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in)
    return core::make_error(core::error_code::malformed_request, "config.json cannot be read");
  return text.str();
}

bool is_real(element e) {
  return e == element::f32 || e == element::f16 || e == element::bf16 || e == element::f64;
}

/// One tensor of the network as the file has it: whole, or what is missing or wrong.
struct gathered {
  std::optional<checkpoint_tensor> tensor;
  std::vector<std::string> missing;
  std::string problem;  ///< "name …"
};

/// Row `row` of a table.
gathered take_row(const tensor_view& table, const place& p) {
  gathered out;
  if (table.shape.size() != 2 || table.shape[0] != p.rows) {
    out.problem = p.names.front() + " has " + words(table.shape) + ", needs " +
                  std::to_string(p.rows) + " rows";
    return out;
  }
  const std::size_t bytes = table.byte_size / static_cast<std::size_t>(p.rows);
  const tensor_view row{
      table.type, {1, table.shape[1]}, table.data + bytes * static_cast<std::size_t>(p.row), bytes};
  out.tensor = checkpoint_tensor{row.type, row.shape, {row}};
  return out;
}

/// Parts one after the other along the first axis.
gathered join(std::vector<tensor_view> parts, const place& p) {
  gathered out;
  checkpoint_tensor whole{parts.front().type, parts.front().shape, {}};
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (parts[i].type != whole.type || parts[i].shape != parts.front().shape ||
        parts[i].shape.empty()) {
      out.problem = p.names[i] + " has " + words(parts[i].shape) + " of " +
                    std::string(name_of(parts[i].type)) + ", " + p.names.front() + " has " +
                    words(parts.front().shape) + " of " + std::string(name_of(whole.type));
      return out;
    }
    if (__builtin_add_overflow(whole.shape[0], parts[i].shape[0], &whole.shape[0])) {
      out.problem = p.names[i] + " has " + words(parts[i].shape);
      return out;
    }
  }
  whole.parts = std::move(parts);
  out.tensor = std::move(whole);
  return out;
}

gathered gather(const tensor_file& file, naming names, const std::string& released) {
  const place p = find_place(names, released);
  gathered out;
  if (p.names.empty()) out.missing.push_back(released);
  std::vector<tensor_view> parts;
  for (const auto& name : p.names) {
    const tensor_view* found = file.find(name);
    for (const auto& copy : p.copies) {
      const tensor_view* again = file.find(copy);
      if (!found) found = again;
      if (!found || !again) continue;
      const bool same = found->type == again->type && found->shape == again->shape &&
                        std::memcmp(found->data, again->data, found->byte_size) == 0;
      if (!same) {
        out.problem = copy + " differs from " + name + ", of which it should be a copy";
        return out;
      }
    }
    if (found)
      parts.push_back(*found);
    else
      out.missing.push_back(name);
  }
  if (!out.missing.empty()) return out;
  return p.row < 0 ? join(std::move(parts), p) : take_row(parts.front(), p);
}

core::error not_a_checkpoint(const std::string& why) {
  return core::make_error(core::error_code::malformed_request, "Not a SAM 3 checkpoint: " + why);
}

}  // namespace

checkpoint_report compare(const checkpoint& c) {
  checkpoint_report out;
  std::set<std::string> expected;
  for (const auto& e : expected_tensors(c.sizes)) {
    const place p = find_place(c.names, e.name);
    expected.insert(p.names.begin(), p.names.end());
    expected.insert(p.copies.begin(), p.copies.end());
    const auto found = gather(*c.file, c.names, e.name);
    out.missing.insert(out.missing.end(), found.missing.begin(), found.missing.end());
    if (!found.problem.empty()) out.misshapen.push_back(found.problem);
    if (!found.tensor) continue;
    if (found.tensor->shape != e.shape)
      out.misshapen.push_back(p.words() + " has " + words(found.tensor->shape) + ", needs " +
                              words(e.shape));
    else if (!is_real(found.tensor->type))
      out.misshapen.push_back(p.words() + " holds " + std::string(name_of(found.tensor->type)) +
                              ", not real numbers");
  }
  for (const auto& [name, tensor] : c.file->tensors())
    if (!expected.contains(name) && !is_ignored(c.names, name)) out.unknown.push_back(name);
  for (auto* list : {&out.missing, &out.unknown, &out.misshapen}) {
    std::sort(list->begin(), list->end());
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  return out;
}

core::outcome<checkpoint> read_checkpoint(std::unique_ptr<tensor_file> file,
                                          const std::filesystem::path& path) {
  checkpoint c;
  c.file = std::move(file);
  naming_guess guess;
  for (const auto& [name, view] : c.file->tensors()) guess.see(name);
  c.names = guess.best();
  const auto config = config_beside(path);
  if (!config) return config.failure();
  c.has_config = !config->empty();
  std::string problem;
  const auto shape = [&](const std::string& name) -> std::optional<std::vector<std::int64_t>> {
    const auto found = gather(*c.file, c.names, name);
    if (!found.problem.empty() && problem.empty()) problem = "tensor " + found.problem;
    if (!found.tensor) return std::nullopt;
    return found.tensor->shape;
  };
  const auto shown = [&](const std::string& name) {
    const auto words = find_place(c.names, name).words();
    return words.empty() ? name : words;
  };
  auto sizes = find_options(shape, shown, *config);
  if (!problem.empty()) return not_a_checkpoint(problem);
  if (!sizes) return sizes.failure();
  c.sizes = std::move(*sizes);
  for (const auto& e : expected_tensors(c.sizes))
    if (auto found = gather(*c.file, c.names, e.name); found.tensor)
      c.tensors.emplace(e.name, std::move(*found.tensor));
  return c;
}

core::outcome<checkpoint> open_checkpoint(const std::filesystem::path& path) {
  auto file = open_tensor_file(path);
  if (!file) return file.failure();
  auto c = read_checkpoint(std::move(*file), path);
  if (!c) return c;
  const auto report = compare(*c);
  if (!report.misshapen.empty()) return not_a_checkpoint("tensor " + report.misshapen.front());
  if (!report.missing.empty())
    return not_a_checkpoint("tensor " + report.missing.front() + " is missing");
  if (!report.unknown.empty())
    return not_a_checkpoint("tensor " + report.unknown.front() + " is unknown");
  return c;
}

}  // namespace samovar::model::sam3
