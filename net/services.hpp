// Everything net/ is given by main.cpp.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "actors/system.hpp"
#include "core/account_ports.hpp"
#include "core/ports.hpp"

namespace samovar::net {

struct settings {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;  ///< 0 picks a free one
  int io_threads = 2;
  int pool_threads = 4;
  int password_threads = 1;  ///< for argon2id; each takes a core and 64 MiB while it works
  int link_s = 3 * 86'400;   ///< how long an invite or reset link works
  std::string public_url;    ///< empty: derived from Host; used for Origin checks and links
  bool allow_registration = true;
  std::uint64_t upload_bytes_max = 100ULL * 1024 * 1024;
  std::filesystem::path web_root;  ///< folder with the built web UI
  std::string version = "0.1.0";
  std::string model_name;
  core::segmenter_abilities abilities;
  int header_read_s = 20;
  int body_idle_s = 30;
  int keep_alive_s = 75;
  std::uint64_t body_rate_min = 1024;     ///< bytes a second, 0: any
  std::filesystem::path tls_certificate;  ///< PEM chain; empty: plain HTTP
  std::filesystem::path tls_key;
  std::uint32_t hsts_s = 31'536'000;
  std::string trusted_proxies;      ///< addresses and CIDR blocks between commas
  std::string cors_origins;         ///< origins between commas
  int key_requests_per_minute = 0;  ///< 0: no limit
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
  core::link_store& links;
  core::audit_store& audit;
  /// True when the database answers; used by /readyz.
  std::function<bool()> database_ready;
  /// The one-time setup token while there is no user, else empty. Compared in constant time.
  std::function<std::string()> setup_token;
  std::function<void()> setup_done;
  std::function<std::uint64_t()> now_unix_us;
};

}  // namespace samovar::net
