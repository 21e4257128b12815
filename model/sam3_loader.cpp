#include "model/sam3_loader.hpp"

#include <dlfcn.h>

#include <mutex>
#include <stdexcept>

#include "model/sam3/module.hpp"

namespace samovar::model {
namespace {

struct module_functions {
  decltype(&samovar_sam3_cuda_devices) cuda_devices = nullptr;
  decltype(&samovar_sam3_make_segmenter) make_segmenter = nullptr;
};

core::error unusable(const std::string& why) {
  return core::make_error(core::error_code::unavailable, "model.segmenter = sam3: " + why);
}

template <class Function>
bool find(void* module, const char* name, Function& to) {
  to = reinterpret_cast<Function>(dlsym(module, name));
  return to != nullptr;
}

core::outcome<module_functions> open_module(const std::filesystem::path& file) {
  if (file.empty())
    return unusable(
        "libsamovar_sam3.so is not beside this program. It is built where LibTorch is installed "
        "(Debian: libtorch-dev).");
  // Never closed: LibTorch can't be taken out of a process again.
  void* module = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) return unusable(dlerror());
  decltype(&samovar_sam3_interface_number) number = nullptr;
  module_functions out;
  if (!find(module, "samovar_sam3_interface_number", number) ||
      number() != sam3::interface_number ||
      !find(module, "samovar_sam3_cuda_devices", out.cuda_devices) ||
      !find(module, "samovar_sam3_make_segmenter", out.make_segmenter))
    return unusable(file.string() + " belongs to another version of this program.");
  return out;
}

core::outcome<module_functions> functions(const std::filesystem::path& file) {
  static std::mutex guard;
  static module_functions loaded;
  const std::lock_guard hold(guard);
  if (loaded.make_segmenter != nullptr) return loaded;
  auto opened = open_module(file);
  if (opened) loaded = *opened;
  return opened;
}

}  // namespace

std::filesystem::path find_sam3_module() {
  std::error_code ignored;
  const auto folder = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
  for (const auto& place : {folder, folder / "../lib/samovar"})
    if (const auto file = place / "libsamovar_sam3.so"; std::filesystem::exists(file, ignored))
      return file;
  return {};
}

core::status load_sam3_module(const std::filesystem::path& file) {
  const auto found = functions(file);
  if (!found) return found.failure();
  return core::done{};
}

core::outcome<int> sam3_cuda_devices() {
  const auto found = functions(find_sam3_module());
  if (!found) return found.failure();
  return found->cuda_devices();
}

std::unique_ptr<core::segmenter> make_sam3_segmenter(const sam3::segmenter_settings& s) {
  const auto found = functions(find_sam3_module());
  if (!found) throw std::runtime_error(found.failure().detail);
  std::string why;
  std::unique_ptr<core::segmenter> made(found->make_segmenter(&s, &why));
  if (!made) throw std::runtime_error(why);
  return made;
}

}  // namespace samovar::model
