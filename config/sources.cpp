#include <algorithm>
#include <optional>
#include <sstream>

#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

#include "config/command_line.hpp"
#include "config/declarations.hpp"

namespace samovar::config {

namespace {

core::error bad(const std::string& origin, const std::string& name, const std::string& what) {
  return core::make_error(core::error_code::validation_failed, origin + ": " + name + ": " + what,
                          name);
}

/// ["a", "b"] as "a,b"; nullopt when something in it is no text.
std::optional<std::string> joined(const toml::array& list) {
  std::string out;
  for (const auto& item : list) {
    const auto text = item.value_exact<std::string>();
    if (!text) return std::nullopt;
    if (!out.empty()) out += ',';
    out += *text;
  }
  return out;
}

core::status store_node(settings& s, const std::string& origin, const std::string& name,
                        const toml::node& node) {
  const auto* d = find_declaration(name);
  if (d == nullptr) return bad(origin, name, "unknown setting");
  std::string value;
  if (d->is_integer) {
    const auto number = node.value_exact<std::int64_t>();
    if (!number) return bad(origin, name, "a whole number is needed");
    value = std::to_string(*number);
  } else {
    const auto* list = d->is_list ? node.as_array() : nullptr;
    const auto text = list ? joined(*list) : node.value_exact<std::string>();
    if (!text) return bad(origin, name, "a text in quotes is needed");
    value = *text;
  }
  auto stored = d->store(s, value);
  if (!stored.ok())
    return core::make_error(stored.failure().code, origin + ": " + stored.failure().detail, name);
  return core::done{};
}

}  // namespace

core::status apply_toml(settings& s, const std::string& text, const std::string& origin) {
  toml::table table;
  try {
    table = toml::parse(text);
  } catch (const toml::parse_error& e) {
    std::ostringstream where;
    where << e.source().begin.line;
    return bad(origin, "line " + where.str(), std::string(e.description()));
  }
  for (const auto& [key, node] : table) {
    const std::string section(key.str());
    const auto* group = node.as_table();
    if (group == nullptr) {
      auto stored = store_node(s, origin, section, node);
      if (!stored.ok()) return stored;
      continue;
    }
    const auto in_section = [&](const declaration& d) { return d.section == section; };
    if (section.empty() || std::none_of(declarations().begin(), declarations().end(), in_section))
      return bad(origin, section, "unknown section");
    for (const auto& [inner, value] : *group) {
      auto stored = store_node(s, origin, section + "." + std::string(inner.str()), value);
      if (!stored.ok()) return stored;
    }
  }
  return core::done{};
}

core::status apply_environment(settings& s, const environment& env) {
  for (const auto& d : declarations()) {
    const auto value = env(d.environment_name());
    if (!value) continue;
    const auto stored = d.store(s, *value);
    if (!stored.ok())
      return bad("environment variable " + d.environment_name(), d.name(),
                 stored.failure().detail.substr(d.name().size() + 2));
  }
  return core::done{};
}

}  // namespace samovar::config
