#include "model/sam3/checkpoint.hpp"

#include <fstream>
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

}  // namespace

checkpoint_report compare(const checkpoint& c) {
  checkpoint_report out;
  std::set<std::string> expected;
  for (const auto& e : expected_tensors(c.sizes)) {
    expected.insert(e.name);
    const auto found = c.tensors.find(e.name);
    if (found == c.tensors.end())
      out.missing.push_back(e.name);
    else if (found->second.shape != e.shape)
      out.misshapen.push_back(e.name + " has " + words(found->second.shape) + ", needs " +
                              words(e.shape));
    else if (!is_real(found->second.type))
      out.misshapen.push_back(e.name + " holds " + std::string(name_of(found->second.type)) +
                              ", not real numbers");
  }
  for (const auto& [name, tensor] : c.tensors)
    if (!expected.contains(name) && !is_ignored(name)) out.unknown.push_back(name);
  return out;
}

core::outcome<checkpoint> read_checkpoint(const std::filesystem::path& path) {
  auto file = open_tensor_file(path);
  if (!file) return file.failure();
  checkpoint c;
  c.file = std::move(*file);
  c.naming = "released";
  for (const auto& [name, view] : c.file->tensors())
    c.tensors.emplace(name, checkpoint_tensor{view.type, view.shape, {view}});
  const auto config = config_beside(path);
  if (!config) return config.failure();
  const auto shape = [&](const std::string& name) -> std::optional<std::vector<std::int64_t>> {
    const auto found = c.tensors.find(name);
    if (found == c.tensors.end()) return std::nullopt;
    return found->second.shape;
  };
  auto sizes = find_options(shape, *config);
  if (!sizes) return sizes.failure();
  c.sizes = std::move(*sizes);
  return c;
}

core::outcome<checkpoint> open_checkpoint(const std::filesystem::path& path) {
  auto c = read_checkpoint(path);
  if (!c) return c;
  const auto report = compare(*c);
  const auto wrong = [](const std::string& why) {
    return core::make_error(core::error_code::malformed_request, "Not a SAM 3 checkpoint: " + why);
  };
  if (!report.misshapen.empty()) return wrong("tensor " + report.misshapen.front());
  if (!report.missing.empty()) return wrong("tensor " + report.missing.front() + " is missing");
  if (!report.unknown.empty()) return wrong("tensor " + report.unknown.front() + " is unknown");
  return c;
}

}  // namespace samovar::model::sam3
