// Every setting of the server, with its default. Declared once more, with unit, range and help, in
// declarations.cpp: the only place that names keys, flags and environment variables.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace samovar::config {

struct settings {
  std::filesystem::path data_dir = "data";

  struct {
    std::string address = "127.0.0.1";
    std::int64_t port = 8080;                 ///< 0 picks a free one
    std::string public_url;                   ///< empty: derived from each request's Host
    std::string web_root;                     ///< empty: looked for beside the program
    std::string allow_registration = "auto";  ///< auto (only when bound to loopback), on, off
    std::int64_t io_threads = 2;
    std::int64_t pool_threads = 4;
    std::int64_t upload_mb_max = 100;
    std::int64_t header_read_s = 20;
    std::int64_t body_idle_s = 30;
    std::int64_t keep_alive_s = 75;
    std::int64_t body_rate_min = 1024;
    std::int64_t key_requests_per_minute = 0;
    std::string trusted_proxies;  ///< addresses and CIDR blocks between commas
    std::string cors_origins;     ///< origins between commas
    std::string tls_certificate;  ///< PEM file; empty: plain HTTP
    std::string tls_key;          ///< PEM file
    std::int64_t hsts_s = 31'536'000;
  } http;

  struct {
    std::int64_t idle_s = 604'800;
    std::int64_t lifetime_s = 2'592'000;
    std::int64_t rotate_s = 3'600;
    std::int64_t grace_s = 60;
    std::int64_t link_s = 259'200;
    std::int64_t threads = 0;  ///< 0: half of the processors, at most 4
  } sign_in;

  struct {
    std::string issuer;  ///< empty: no OpenID Connect
    std::string name = "Single sign-on";
    std::string client_id;
    std::string client_secret;  ///< never printed
    std::string client_secret_file;
    std::string client_auth = "basic";  ///< basic, post
    std::string scopes = "openid email profile";
    std::string allowed_domains;              ///< with commas; empty: every address
    std::string create_users = "on";          ///< on, off
    std::string link_verified_email = "off";  ///< on, off
    std::string trust_email = "off";          ///< on, off
    std::string groups_claim = "groups";
    std::string admin_group;  ///< empty: groups are not looked at
    std::string tenants;      ///< with commas, or "any"; only with {tenantid} in the issuer
    std::string ca_file;
    std::int64_t cache_s = 3600;
    std::int64_t timeout_s = 10;
  } oidc;

  struct {
    std::string url;        ///< empty: the embedded cluster. May hold a password: never printed
    std::string owner_url;  ///< may hold a password: never printed
    std::int64_t pool_size = 8;
    std::int64_t answer_s = 8;
  } database;

  struct {
    std::string segmenter = "classical";
    std::int64_t synthetic_cost_ms = 0;
    std::int64_t cache_mb = 512;
    std::string checkpoint;      ///< file; needed by sam3
    std::string vocabulary;      ///< file; empty: looked for beside the checkpoint
    std::string dtype = "auto";  ///< auto, fp32, bf16, fp16
    std::int64_t idle_unload_s = 0;
    std::int64_t score_min_percent = 50;
    std::int64_t overlap_max_percent = 100;
    std::int64_t area_min_px = 1;
  } model;

  struct {
    std::string list = "cpu";
    std::int64_t slots = 3;
    std::string isolate = "off";
  } devices;

  struct {
    std::int64_t threads = 2;
    std::int64_t lease_timeout_s = 60;
    std::int64_t unit_timeout_s = 1800;
    std::int64_t session_idle_s = 300;
  } scheduler;

  struct {
    std::int64_t grace_s = 10;
  } shutdown;

  struct {
    std::string level = "info";
  } log;
};

}  // namespace samovar::config
