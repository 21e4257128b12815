#include "net/router.hpp"

#include <stdexcept>
#include <utility>

namespace samovar::net {

struct router::node {
  std::vector<std::pair<std::string, std::unique_ptr<node>>> literals;
  std::unique_ptr<node> placeholder;
  std::vector<std::pair<std::string, int>> methods;

  const node* literal(std::string_view segment) const {
    for (const auto& [text, child] : literals)
      if (text == segment) return child.get();
    return nullptr;
  }
  int method(std::string_view name) const {
    for (const auto& [text, index] : methods)
      if (text == name) return index;
    return -1;
  }
};

namespace {

/// Cuts "/segment" off the front of `rest`; the segment is without the slash.
std::string_view next_segment(std::string_view& rest) {
  rest.remove_prefix(1);
  const auto end = rest.find('/');
  const auto segment = rest.substr(0, end);
  rest.remove_prefix(segment.size());
  return segment;
}

}  // namespace

router::router() : root_(std::make_unique<node>()) {}
router::~router() = default;

void router::add(route r) {
  node* at = root_.get();
  std::string_view rest = r.pattern;
  while (!rest.empty()) {
    const auto segment = next_segment(rest);
    if (segment.starts_with('{')) {
      if (!at->placeholder) at->placeholder = std::make_unique<node>();
      at = at->placeholder.get();
      continue;
    }
    node* child = const_cast<node*>(at->literal(segment));
    if (!child) {
      at->literals.emplace_back(std::string(segment), std::make_unique<node>());
      child = at->literals.back().second.get();
    }
    at = child;
  }
  if (at->method(r.method) >= 0)
    throw std::invalid_argument("two routes for " + r.method + " " + r.pattern);
  at->methods.emplace_back(r.method, static_cast<int>(routes_.size()));
  routes_.push_back(std::move(r));
}

const router::node* router::walk(const node& n, std::string_view rest,
                                 std::vector<std::string>& values) const {
  if (rest.empty()) return n.methods.empty() ? nullptr : &n;
  const auto segment = next_segment(rest);
  if (const node* child = n.literal(segment))
    if (const node* found = walk(*child, rest, values)) return found;
  if (!n.placeholder || segment.empty()) return nullptr;
  const auto size = values.size();
  values.emplace_back(segment);
  if (const node* found = walk(*n.placeholder, rest, values)) return found;
  values.resize(size);
  return nullptr;
}

router::match router::find(std::string_view method, std::string_view path,
                           std::vector<std::string>& values) const {
  match m;
  if (path.empty() || path.front() != '/') return m;
  const node* found = walk(*root_, path, values);
  if (!found) return m;
  m.path_known = true;
  m.index = found->method(method);
  if (m.index < 0 && method == "HEAD") m.index = found->method("GET");
  if (m.index >= 0) return m;
  for (const auto& [name, index] : found->methods) {
    m.allow += m.allow.empty() ? name : ", " + name;
    if (name == "GET" && found->method("HEAD") < 0) m.allow += ", HEAD";
  }
  return m;
}

}  // namespace samovar::net
