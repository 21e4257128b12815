#include "app/parts.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <thread>

#include "config/devices.hpp"
#include "model/classical.hpp"
#include "model/codec.hpp"
#include "model/sam3/description.hpp"
#include "model/sam3_loader.hpp"
#include "model/synthetic.hpp"
#include "model/unit_runner.hpp"

namespace samovar::app {

core::timestamp now() {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

core::uuid new_uuid(const core::secrets& secrets) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now().time_since_epoch());
  return core::make_uuid_v7(static_cast<std::uint64_t>(ms.count()), secrets.random_u64(),
                            secrets.random_u64());
}

storage::database_options database_options_of(const config::settings& s) {
  storage::database_options o;
  o.data_dir = s.data_dir;
  o.url = s.database.url;
  o.owner_url = s.database.owner_url;
  o.pool_size = static_cast<std::size_t>(s.database.pool_size);
  o.answer_max = std::chrono::seconds(s.database.answer_s);
  return o;
}

namespace {

model::sam3::segmenter_settings sam3_settings_of(const config::settings& s,
                                                 const std::string& device) {
  model::sam3::segmenter_settings out;
  out.checkpoint = s.model.checkpoint;
  out.vocabulary = s.model.vocabulary;
  out.dtype = s.model.dtype;
  out.device = device;
  // Workers on the CPU share its processors.
  const auto workers = config::cpu_workers(config::device_names(s.devices.list).value());
  const auto processors = static_cast<int>(std::thread::hardware_concurrency());
  out.threads = std::max(1, processors / std::max(1, workers));
  out.score_min = static_cast<double>(s.model.score_min_percent) / 100.0;
  out.overlap_max = static_cast<double>(s.model.overlap_max_percent) / 100.0;
  out.area_min = static_cast<std::uint64_t>(s.model.area_min_px);
  return out;
}

}  // namespace

model_facts find_model_facts(const config::settings& s) {
  const auto first = config::device_names(s.devices.list).value().front();
  if (s.model.segmenter != "sam3") {
    const auto made = make_segmenter(s, first);
    return {made->identity(), made->abilities()};
  }
  auto found = model::sam3::describe(sam3_settings_of(s, first));
  if (!found) throw std::runtime_error(found.failure().detail);
  if (!found->warning.empty()) spdlog::warn("{}", found->warning);
  return {std::move(found->identity), std::move(found->abilities)};
}

void check_devices(const config::settings& s) {
  if (s.model.segmenter != "sam3") return;
  // With processes of their own the server itself does without LibTorch, unless it must count GPUs.
  if (s.devices.isolate == "on" && s.devices.list.find("cuda") == std::string::npos &&
      !model::find_sam3_module().empty())
    return;
  if (const auto loaded = model::load_sam3_module(); !loaded)
    throw std::runtime_error(loaded.failure().detail);
  const int there = model::sam3_cuda_devices().value();
  const auto names = config::device_names(s.devices.list).value();
  for (const auto& name : names) {
    if (!name.starts_with("cuda:")) continue;
    if (there < 0)
      throw std::runtime_error("devices.list: " + name +
                               " can't be used: this LibTorch was built without CUDA");
    if (std::stoi(name.substr(5)) >= there)
      throw std::runtime_error("devices.list: " + name + " can't be used: there are " +
                               std::to_string(there) + " CUDA devices");
  }
}

std::unique_ptr<core::segmenter> make_segmenter(const config::settings& s,
                                                const std::string& device) {
  if (s.model.segmenter == "sam3") return model::make_sam3_segmenter(sam3_settings_of(s, device));
  if (s.model.segmenter == "synthetic")
    return model::make_synthetic_segmenter(static_cast<double>(s.model.synthetic_cost_ms));
  return model::make_classical_segmenter();
}

std::unique_ptr<core::image_codec> make_codec(const config::settings& s) {
  return model::make_image_codec(
      {.file_bytes_max = static_cast<std::uint64_t>(s.http.upload_mb_max) * 1024 * 1024});
}

std::unique_ptr<core::unit_runner> make_runner(const config::settings& s, const std::string& device,
                                               core::blob_store& blobs, core::image_codec& codec) {
  const auto cache_bytes = static_cast<std::size_t>(s.model.cache_mb) * 1024 * 1024;
  const bool needs_pixels = s.model.segmenter != "synthetic";
  return model::make_unit_runner(make_segmenter(s, device), blobs, codec, cache_bytes,
                                 needs_pixels);
}

bool speaks_tls(const config::settings& s) {
  return !s.http.tls_certificate.empty() || !s.http.tls_key.empty();
}

std::string url_of(const config::settings& s, std::uint16_t port) {
  const bool six = s.http.address.find(':') != std::string::npos;
  const bool any = s.http.address == "0.0.0.0" || s.http.address == "::";
  const auto host = any ? "127.0.0.1" : six ? "[" + s.http.address + "]" : s.http.address;
  return (speaks_tls(s) ? "https://" : "http://") + host + ":" + std::to_string(port);
}

void note_address(const config::settings& s, const std::string& url) {
  const auto file = s.data_dir / "address";
  const auto fresh = s.data_dir / "address.new";
  std::ofstream(fresh) << url << "\n";
  std::error_code failed;
  std::filesystem::rename(fresh, file, failed);
  if (failed) spdlog::warn("the file {} could not be written", file.string());
}

std::string address_for_links(const config::settings& s) {
  auto url = s.http.public_url;
  if (url.empty()) {
    std::ifstream noted(s.data_dir / "address");
    std::getline(noted, url);
  }
  if (url.empty()) url = url_of(s, static_cast<std::uint16_t>(s.http.port));
  while (url.ends_with('/')) url.pop_back();
  return url;
}

int complain(const std::string& sentence, int exit_code) {
  std::cerr << "samovar: " << sentence << "\n";
  return exit_code;
}

}  // namespace samovar::app
