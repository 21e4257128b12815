#include "tests/model/sam3/golden.hpp"

#include <sstream>
#include <stdexcept>

#include "model/sam3/weights.hpp"

namespace samovar::model::sam3::golden {
namespace {

std::string words(const at::Tensor& t) {
  std::ostringstream out;
  out << t.sizes();
  return out.str();
}

at::Tensor plain(const at::Tensor& t) { return t.to(at::kCPU, at::kDouble); }

verdict differing(const std::string& name, const at::Tensor& value, const at::Tensor& wanted,
                  double tolerance) {
  verdict v{name, 0.0, tolerance, {}};
  if (value.sizes() != wanted.sizes()) {
    v.problem = "has " + words(value) + ", the golden tensor " + words(wanted);
    return v;
  }
  if (wanted.numel() == 0) return v;
  const at::Tensor a = plain(value), b = plain(wanted);
  if (!at::isfinite(a).all().item<bool>()) {
    v.problem = "holds values that are not numbers";
    return v;
  }
  v.error = (a - b).abs().max().item<double>() / std::max(1.0, b.abs().max().item<double>());
  return v;
}

}  // namespace

file::file(const std::filesystem::path& folder, const std::string& name) : name_(name) {
  auto opened = open_tensor_file(folder / (name + ".safetensors"));
  if (!opened) throw std::runtime_error(opened.failure().detail);
  tensors_ = std::move(*opened);
}

bool file::has(const std::string& tensor) const { return tensors_->find(tensor) != nullptr; }

at::Tensor file::load(const std::string& tensor) const {
  const auto* view = tensors_->find(tensor);
  if (!view) throw std::runtime_error(name_ + ": tensor " + tensor + " is missing");
  return copy_of(*view);
}

std::vector<std::string> file::cases(const std::string& rest) const {
  std::set<std::string> found;
  for (const auto& [name, view] : tensors_->tensors()) {
    const auto dot = name.find('.');
    if (dot != std::string::npos && name.compare(dot + 1, rest.size(), rest) == 0)
      found.insert(name.substr(0, dot));
  }
  return {found.begin(), found.end()};
}

at::Tensor file::input(const std::string& tensor) {
  used_.insert(tensor);
  return load(tensor);
}

void file::compare(const std::string& tensor, const at::Tensor& value, double tolerance) {
  if (!has(tensor)) return;
  used_.insert(tensor);
  judge(differing(name_ + ": " + tensor, value, load(tensor), tolerance));
}

void file::compare_valid(const std::string& tensor, const at::Tensor& value,
                         const at::Tensor& padding, double tolerance) {
  if (!has(tensor)) return;
  used_.insert(tensor);
  const at::Tensor wanted = load(tensor);
  const at::Tensor valid = padding.to(at::kCPU).logical_not().transpose(0, 1);
  if (wanted.sizes() != value.sizes()) return judge(differing(tensor, value, wanted, tolerance));
  judge(differing(name_ + ": " + tensor, value.to(at::kCPU).index({valid}), wanted.index({valid}),
                  tolerance));
}

void file::compare_masks(const std::string& tensor, const at::Tensor& value, double share) {
  if (!has(tensor)) return;
  used_.insert(tensor);
  const at::Tensor wanted = load(tensor);
  verdict v{name_ + ": " + tensor, 0.0, share, {}};
  if (wanted.sizes() != value.sizes())
    v.problem = "has " + words(value) + ", the golden tensor " + words(wanted);
  else if (wanted.numel() > 0)
    v.error = (plain(value) != plain(wanted)).to(at::kDouble).mean().item<double>();
  judge(std::move(v));
}

void file::leave_out(const std::string& beginning) {
  for (const auto& [name, view] : tensors_->tensors())
    if (name.starts_with(beginning)) used_.insert(name);
}

std::vector<std::string> file::forgotten() const {
  std::vector<std::string> out;
  for (const auto& [name, view] : tensors_->tensors()) {
    const bool is_input = name.rfind("in.", 0) == 0 || name.find(".in.") != std::string::npos;
    if (!is_input && !used_.contains(name)) out.push_back(name);
  }
  return out;
}

}  // namespace samovar::model::sam3::golden
