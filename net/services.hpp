// Everything net/ is given by main.cpp.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "actors/system.hpp"
#include "core/ports.hpp"

namespace samovar::net {

struct settings {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;  ///< 0 picks a free one
  int io_threads = 2;
  int pool_threads = 4;
  std::string public_url;  ///< empty: derived from Host; used for Origin checks and links
  bool allow_registration = true;
  std::uint64_t upload_bytes_max = 100ULL * 1024 * 1024;
  std::filesystem::path web_root;  ///< folder with the built web UI
  std::string version = "0.1.0";
  std::string model_name;
  core::segmenter_abilities abilities;
  int header_read_s = 20;
  int body_idle_s = 30;
  int keep_alive_s = 75;
};

/// All references outlive the server.
struct services {
  settings config;
  actors::system& actors;
  core::secrets& secrets;
  core::account_store& accounts;
  core::image_store& images;
  core::annotation_store& annotations;
  core::job_store& jobs;
  core::result_store& results;
  core::blob_store& blobs;
  core::image_codec& codec;
  /// True when the database answers; used by /readyz.
  std::function<bool()> database_ready;
  /// The one-time setup token while there is no user, else empty. Compared in constant time.
  std::function<std::string()> setup_token;
  std::function<void()> setup_done;
  std::function<std::uint64_t()> now_unix_us;
};

}  // namespace samovar::net
